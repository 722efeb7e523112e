// Small comforts over pages that work without them. No inline script anywhere: the policy forbids it.
import htmx from "htmx.org/dist/htmx.esm.js";
import { watchAutosaves } from "./autosave.js";

window.htmx = htmx;
document.documentElement.classList.add("has-js");

const csrfToken = () => document.querySelector('meta[name="csrf-token"]')?.content ?? "";

// Every htmx request that changes something carries the CSRF token.
document.addEventListener("htmx:config:request", (event) => {
  const request = event.detail.ctx.request;
  if (request.method.toUpperCase() !== "GET") request.headers["X-CSRFToken"] = csrfToken();
});

// A failed request says so once, politely, instead of doing nothing.
document.addEventListener("htmx:error", () => {
  const place = document.getElementById("live-problem");
  if (place && place.textContent.trim() === "") place.textContent = place.dataset.words;
});
document.addEventListener("htmx:after:request", () => {
  const place = document.getElementById("live-problem");
  if (place && place.textContent.trim() !== "") place.textContent = "";
});

// Focus after a swap: the marked place, else the element that had the focus, by its id.
let focusedId = null;
document.addEventListener("htmx:before:swap", () => {
  focusedId = document.activeElement?.id || null;
});
function focusMarked() {
  const marked = document.querySelector("[data-focus]");
  marked?.removeAttribute("data-focus");
  marked?.focus();
  return Boolean(marked);
}
document.addEventListener("htmx:after:swap", () => {
  if (focusMarked()) return;
  if (document.activeElement && document.activeElement !== document.body) return;
  if (focusedId) document.getElementById(focusedId)?.focus();
});

// <div data-live="/url" data-every="2"> replaces itself until an answer comes without data-live. A hidden tab waits.
const live = new WeakSet();
function watch(element) {
  if (live.has(element)) return;
  live.add(element);
  let failures = 0;
  const every = Math.max(1, Number(element.dataset.every || 2)) * 1000;
  const later = () => setTimeout(look, Math.min(every * 2 ** failures, 60000));
  const look = async () => {
    if (!element.isConnected) return;
    if (document.hidden || element.contains(document.activeElement)) return later();
    try {
      const answer = await fetch(element.dataset.live, { headers: { "HX-Request": "true" }, cache: "no-store" });
      if (answer.status === 401 || answer.redirected) return location.reload();
      if (!answer.ok) throw new Error(String(answer.status));
      const holder = document.createElement("template");
      holder.innerHTML = await answer.text();
      const fresh = holder.content.firstElementChild;
      if (fresh && element.isConnected) {
        element.replaceWith(fresh);
        prepare(fresh);
        htmx.process(fresh);
      }
    } catch {
      failures = Math.min(failures + 1, 5);
      later();
    }
  };
  later();
}

// Forms and buttons with data-confirm="dialog-id" ask first; without JavaScript the form posts to a page that asks.
document.addEventListener("submit", (event) => {
  const form = event.target;
  const id = form.dataset?.confirm;
  if (!id || form.dataset.confirmed) return;
  const dialog = document.getElementById(id);
  if (!(dialog instanceof HTMLDialogElement)) return;
  event.preventDefault();
  dialog.returnValue = "";
  dialog.addEventListener(
    "close",
    () => {
      if (dialog.returnValue !== "yes") return;
      form.dataset.confirmed = "yes";
      const field = form.querySelector('input[name="confirmed"]');
      if (field) field.value = "yes";
      form.requestSubmit(event.submitter && form.contains(event.submitter) ? event.submitter : undefined);
      delete form.dataset.confirmed;
    },
    { once: true },
  );
  dialog.showModal();
});

// The theme button: the cookie is the server's, set by the same form without JavaScript.
document.addEventListener("submit", async (event) => {
  const form = event.target;
  if (!form.matches?.("form[data-theme-switch]")) return;
  event.preventDefault();
  const data = new FormData(form, event.submitter);
  document.documentElement.dataset.bsTheme = data.get("theme");
  for (const button of document.querySelectorAll("form[data-theme-switch] button")) {
    button.setAttribute("aria-pressed", String(button.value === data.get("theme")));
  }
  await fetch(form.action, { method: "POST", body: data, redirect: "manual" }).catch(() => {});
});

// A button pressed twice sends once.
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (event.defaultPrevented || form.method !== "post" || form.hasAttribute("hx-post")) return;
  if (form.dataset.sent) return event.preventDefault();
  form.dataset.sent = "yes";
  setTimeout(() => delete form.dataset.sent, 4000);
});
window.addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("form[data-sent]")) delete form.dataset.sent;
});

function prepare(root) {
  const find = (selector) => [...(root.matches?.(selector) ? [root] : []), ...root.querySelectorAll(selector)];
  find("[data-live]").forEach(watch);
  // <select data-guess="time-zone">: the browser's zone, when the field was left as the server guessed it.
  for (const field of find('[data-guess="time-zone"]')) {
    const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
    if ([...(field.options ?? [])].some((option) => option.value === zone)) field.value = zone;
    field.removeAttribute("data-guess");
  }
  // <button data-copy="#id">
  for (const button of find("[data-copy]")) {
    button.hidden = false;
    button.addEventListener("click", async () => {
      const source = document.querySelector(button.dataset.copy);
      await navigator.clipboard.writeText(source.value ?? source.textContent.trim());
      button.textContent = button.dataset.done;
    });
  }
  // <select data-autosubmit> in GET forms; the button beside it stays for everyone else.
  for (const field of find("[data-autosubmit]")) field.addEventListener("change", () => field.form.requestSubmit());
}

document.addEventListener("htmx:after:swap", () => prepare(document.body));
// The script is deferred, so the page is there.
watchAutosaves(htmx);
prepare(document.body);
focusMarked();
