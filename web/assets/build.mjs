// Bundles the assets into web/static/dist with names that change with their content, a gzip copy beside each
// text file, and manifest.json, which web/static_files.py reads. Run: npm ci && npm run build
import { build } from "esbuild";
import { mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

const sources = dirname(fileURLToPath(import.meta.url));
const target = join(sources, "..", "static", "dist");
const scratch = `${target}.new`;

const entries = ["app.js", "editor.js", "app.css", "app-rtl.css", "mark.svg"];

await rm(scratch, { recursive: true, force: true });
await mkdir(scratch, { recursive: true });

const result = await build({
  absWorkingDir: sources,
  entryPoints: entries.map((name) => join(sources, name)),
  outdir: scratch,
  entryNames: "[name]-[hash]",
  assetNames: "[name]-[hash]",
  bundle: true,
  minify: true,
  format: "iife",
  target: ["es2022", "chrome120", "firefox121", "safari17.5"],
  loader: { ".svg": "copy" },
  legalComments: "linked",
  metafile: true,
  logLevel: "warning",
});

const manifest = {};
for (const [output, about] of Object.entries(result.metafile.outputs)) {
  if (about.entryPoint) manifest[basename(about.entryPoint)] = basename(output);
}
// Copied files have no entry point of their own in the metafile.
for (const name of await readdir(scratch)) {
  const copied = /^(.*)-[A-Z0-9]{8}(\.svg)$/.exec(name);
  if (copied) manifest[copied[1] + copied[2]] = name;
}
for (const entry of entries) if (!manifest[entry]) throw new Error(`${entry} was not built`);

for (const name of await readdir(scratch)) {
  if (/\.(js|css|svg)$/.test(name)) {
    await writeFile(join(scratch, `${name}.gz`), gzipSync(await readFile(join(scratch, name)), { level: 9 }));
  }
}
await writeFile(join(scratch, "manifest.json"), JSON.stringify(manifest, null, 2) + "\n");

// The old folder goes last and the new one comes whole, so that a running server never sees half a build.
await rm(target, { recursive: true, force: true });
await rename(scratch, target);
