"""Built assets: found by their plain name through the manifest, sent compressed, kept by browsers for ever."""

import json
from functools import cache
from pathlib import Path

from flask import Blueprint, Response, abort, request, send_from_directory, url_for

from web.access import allow

DIST = Path(__file__).parent / "static" / "dist"

blueprint = Blueprint("static_files", __name__)


@cache
def _read_manifest(changed_ns: int) -> dict[str, str]:
    manifest: dict[str, str] = json.loads((DIST / "manifest.json").read_text())
    return manifest


def asset_url(name: str) -> str:
    """Return the address of a built asset such as ``app.css``; without a build, one that answers 404."""
    try:
        built = _read_manifest((DIST / "manifest.json").stat().st_mtime_ns).get(name, name)
    except FileNotFoundError:
        built = name
    return url_for("static_files.send", name=built)


@blueprint.get("/static/<name>")
@allow("public")
def send(name: str) -> Response:
    """Answer with one built file; its name changes with its content, so it never goes stale."""
    if name.endswith((".gz", ".json")):
        abort(404)
    packed = f"{name}.gz"
    if request.accept_encodings["gzip"] and (DIST / packed).is_file():
        response = send_from_directory(DIST, packed, mimetype=_type_of(name), max_age=31_536_000)
        response.headers["Content-Encoding"] = "gzip"
    else:
        response = send_from_directory(DIST, name, mimetype=_type_of(name), max_age=31_536_000)
    response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
    response.vary.add("Accept-Encoding")
    return response


@blueprint.get("/favicon.ico")
@allow("public")
def favicon() -> Response:
    manifest = _read_manifest((DIST / "manifest.json").stat().st_mtime_ns) if DIST.is_dir() else {}
    if "mark.svg" not in manifest:
        abort(404)
    return send(manifest["mark.svg"])


def _type_of(name: str) -> str:
    types = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}
    return types.get(Path(name).suffix, "text/plain")
