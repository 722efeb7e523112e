// Forms that save themselves (data-autosave). Each save takes the version that the one before it brought, so that
// nobody is told of "somebody else" who was the same person, and nothing typed is lost by going on too quickly:
// a press of a button or a link waits for the save under way, and saves first what is not saved yet.

const kept = new WeakMap(); // what the server was last sent
const busy = new WeakSet(); // a save is under way
const leaving = new WeakSet(); // the form itself is being sent
const waiting = new WeakMap(); // what happens when the save is done

function said(form) {
  const fields = new FormData(form);
  fields.delete("version");
  return new URLSearchParams(fields).toString();
}

const isSaved = (form) => !busy.has(form) && said(form) === kept.get(form);
const hasFailed = () => Boolean(document.querySelector(".save-state.is-bad"));

export function watchAutosaves(htmx) {
  const forms = [...document.querySelectorAll("form[data-autosave]")];
  if (forms.length === 0) return;
  for (const form of forms) kept.set(form, said(form));
  const isOurs = (form) => forms.includes(form);

  document.addEventListener("htmx:before:request", (event) => {
    const { sourceElement: form, request } = event.detail.ctx;
    const target = form.getAttribute("hx-target"); // the one found when it was queued may have been replaced since
    if (!isOurs(form)) return;
    if (leaving.has(form)) return event.preventDefault();
    event.detail.ctx.target = document.querySelector(target);
    request.body = new URLSearchParams(new FormData(form));
    kept.set(form, said(form));
    busy.add(form);
  });
  document.addEventListener("htmx:finally:request", (event) => {
    const form = event.detail.ctx.sourceElement;
    if (!isOurs(form)) return;
    busy.delete(form);
    const go = waiting.get(form);
    waiting.delete(form);
    if (go && !hasFailed()) go();
  });

  function saveThen(form, go) {
    if (isSaved(form)) return go();
    waiting.set(form, () => saveThen(form, go));
    if (!busy.has(form)) htmx.trigger(form, "save:now");
  }

  document.addEventListener(
    "submit",
    (event) => {
      const [form] = forms;
      const { target, submitter } = event;
      const wait = (go) => {
        event.preventDefault();
        event.stopImmediatePropagation();
        go();
      };
      if (isOurs(target)) {
        if (busy.has(target)) wait(() => waiting.set(target, () => target.requestSubmit(submitter)));
        else leaving.add(target);
      } else if (!isSaved(form) && !hasFailed()) {
        wait(() => saveThen(form, () => target.requestSubmit(submitter)));
      }
    },
    true,
  );
  document.addEventListener("click", (event) => {
    const link = event.target.closest?.("a[href]");
    const isPlain = !event.defaultPrevented && event.button === 0 && !event.ctrlKey && !event.metaKey && !event.shiftKey;
    if (!link || !isPlain || link.target || link.hash || isSaved(forms[0]) || hasFailed()) return;
    event.preventDefault();
    saveThen(forms[0], () => location.assign(link.href));
  });
  window.addEventListener("pageshow", () => forms.forEach((form) => leaving.delete(form)));
}
