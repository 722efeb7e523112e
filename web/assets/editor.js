// CodeMirror 6 over <textarea data-editor="mjml|html|text">: the textarea stays the form's field and is kept in step.
//
//   data-problems="/url"      POST of the field (name "source") answers {"problems": [{severity, message, line, column}]}
//   data-completions="#id"    <script type="application/json" id="…">[{"tag": "contact.email", "label": "Email"}]
//   data-preview="#id"        an element that gets the event "editor:changed" half a second after the last key
//
// Tab indents; Esc and then Tab leaves the editor, as the hint under it says.
import { autocompletion, closeBrackets, completionKeymap } from "@codemirror/autocomplete";
import { defaultKeymap, history, historyKeymap, indentWithTab } from "@codemirror/commands";
import { html } from "@codemirror/lang-html";
import { xml } from "@codemirror/lang-xml";
import { bracketMatching, foldGutter, foldKeymap, HighlightStyle, indentOnInput, indentUnit, syntaxHighlighting } from "@codemirror/language";
import { forceLinting, linter, lintGutter, lintKeymap } from "@codemirror/lint";
import { highlightSelectionMatches, searchKeymap } from "@codemirror/search";
import { EditorState } from "@codemirror/state";
import {
  Decoration, drawSelection, EditorView, highlightActiveLine, highlightActiveLineGutter, keymap, lineNumbers, MatchDecorator, ViewPlugin,
} from "@codemirror/view";
import { tags } from "@lezer/highlight";

const MJML_TAGS = {
  mjml: ["mj-head", "mj-body"],
  "mj-head": ["mj-title", "mj-preview", "mj-attributes", "mj-style", "mj-font", "mj-breakpoint", "mj-raw"],
  "mj-body": ["mj-section", "mj-wrapper", "mj-hero", "mj-raw"],
  "mj-wrapper": ["mj-section", "mj-hero", "mj-raw"],
  "mj-section": ["mj-column", "mj-group", "mj-raw"],
  "mj-group": ["mj-column", "mj-raw"],
  "mj-column": ["mj-text", "mj-image", "mj-button", "mj-divider", "mj-spacer", "mj-social", "mj-table", "mj-navbar", "mj-accordion", "mj-carousel", "mj-raw"],
  "mj-hero": ["mj-text", "mj-image", "mj-button", "mj-divider", "mj-spacer", "mj-raw"],
};
const MJML_ATTRIBUTES = [
  "align", "alt", "background-color", "background-url", "border", "border-radius", "color", "css-class", "font-family", "font-size",
  "font-weight", "full-width", "height", "href", "inner-padding", "line-height", "mj-class", "padding", "src", "target", "text-align",
  "title", "vertical-align", "width",
];

const look = EditorView.theme({
  "&": { color: "var(--ink)", backgroundColor: "light-dark(#fff, #111c29)" },
  "&.cm-focused": { outline: "none" },
  ".cm-scroller": { fontFamily: "var(--tblr-font-monospace)", lineHeight: "1.6" },
  ".cm-content": { caretColor: "var(--ink)", paddingBlock: "0.5rem" },
  ".cm-cursor": { borderLeftColor: "var(--ink)" },
  ".cm-gutters": { color: "var(--ink-soft)", backgroundColor: "var(--surface)", borderRight: "1px solid var(--hairline)" },
  ".cm-activeLine, .cm-activeLineGutter": { backgroundColor: "light-dark(#2f6f4e0d, #ffffff0a)" },
  "&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground": { backgroundColor: "light-dark(#cfe6d9, #2b5a46)" },
  ".cm-merge-value": { color: "light-dark(#1f4f86, #a9cdf5)", backgroundColor: "light-dark(#e8f1fb, #1c344f)", borderRadius: "3px" },
  ".cm-merge-logic": { color: "light-dark(#6b4200, #f0c67a)", backgroundColor: "light-dark(#fdf3df, #3a2f18)", borderRadius: "3px" },
  ".cm-tooltip, .cm-panels": { color: "var(--ink)", backgroundColor: "var(--surface)", border: "1px solid var(--hairline-strong)" },
  ".cm-tooltip-autocomplete > ul > li[aria-selected]": { color: "#fff", backgroundColor: "var(--brand)" },
  ".cm-panel input, .cm-panel button": { font: "inherit" },
});
const colours = HighlightStyle.define([
  { tag: [tags.tagName, tags.angleBracket], color: "light-dark(#22663f, #80d0a2)" },
  { tag: tags.attributeName, color: "light-dark(#7d4e00, #eec06a)" },
  { tag: [tags.attributeValue, tags.string], color: "light-dark(#22578f, #8fc0f3)" },
  { tag: tags.comment, color: "var(--ink-soft)", fontStyle: "italic" },
  { tag: tags.invalid, color: "var(--bad-text)" },
]);

const mergeMarks = new MatchDecorator({
  regexp: /\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}/g,
  decoration: (match) => Decoration.mark({ class: match[0][1] === "{" ? "cm-merge-value" : "cm-merge-logic" }),
});
const mergeHighlight = ViewPlugin.define(
  (view) => ({
    marks: mergeMarks.createDeco(view),
    update(change) {
      this.marks = mergeMarks.updateDeco(change, this.marks);
    },
  }),
  { decorations: (plugin) => plugin.marks },
);

function readCompletions(area) {
  const source = area.dataset.completions && document.querySelector(area.dataset.completions);
  return source ? JSON.parse(source.textContent) : [];
}

// Writes the tag with a space on each side, closes an expression that is still open, and steps behind the braces.
function insertMergeTag(view, option, from, to) {
  const line = view.state.doc.lineAt(from);
  const before = line.text.slice(0, from - line.from);
  const after = line.text.slice(to - line.from);
  const isValue = before.lastIndexOf("{{") > before.lastIndexOf("{%");
  const lead = before.endsWith("{{") || before.endsWith("{%") ? " " : "";
  const closing = isValue ? /^\s*\}\}/.exec(after) : null;
  const tail = closing || (isValue && !/^\s*[|+\w.]/.test(after)) ? " }}" : "";
  const insert = lead + option.label + tail;
  view.dispatch({
    changes: { from, to: to + (closing ? closing[0].length : 0), insert },
    selection: { anchor: from + insert.length },
    userEvent: "input.complete",
  });
}

// Offers merge tags inside {{ … }} and {% … %}, and at once after "{{".
function completeMergeTags(offered) {
  const options = offered.map((item) => ({ label: item.tag, detail: item.label, type: "variable" }));
  return (context) => {
    const line = context.state.doc.lineAt(context.pos);
    const before = line.text.slice(0, context.pos - line.from);
    const open = Math.max(before.lastIndexOf("{{"), before.lastIndexOf("{%"));
    if (open < 0 || /\}\}|%\}/.test(before.slice(open))) return null;
    const word = /[\w.]*$/.exec(before)[0];
    const from = context.pos - word.length;
    return {
      from,
      options: options.map((option) => ({ ...option, apply: insertMergeTag })),
      validFor: /^[\w.]*$/,
    };
  };
}

async function fetchProblems(url, source, area) {
  const body = new FormData();
  for (const [name, value] of new FormData(area.form)) if (typeof value === "string") body.append(name, value);
  body.set(area.name, source);
  body.set("source", source);
  const answer = await fetch(url, {
    method: "POST",
    body,
    headers: { "X-CSRFToken": document.querySelector('meta[name="csrf-token"]')?.content ?? "", Accept: "application/json" },
  });
  return answer.ok ? (await answer.json()).problems : [];
}

function placeOf(doc, problem) {
  const line = doc.line(Math.min(Math.max(problem.line ?? 1, 1), doc.lines));
  const from = Math.min(line.from + Math.max((problem.column ?? 1) - 1, 0), line.to);
  return { from: Math.min(from, doc.length), to: from === line.to ? line.to : Math.min(line.to, from + 40) };
}

function listProblems(view, list, problems) {
  if (!list) return;
  list.replaceChildren(
    ...problems.map((problem) => {
      const item = document.createElement("li");
      const button = document.createElement("button");
      if (problem.severity === "warning") item.className = "is-warning";
      button.type = "button";
      button.textContent = problem.line ? `${problem.line}:${problem.column ?? 1}  ${problem.message}` : problem.message;
      button.addEventListener("click", () => {
        view.dispatch({ selection: { anchor: placeOf(view.state.doc, problem).from }, scrollIntoView: true });
        view.focus();
      });
      item.append(button);
      return item;
    }),
  );
}

function problemFinder(area, list) {
  return async (view) => {
    const problems = await fetchProblems(area.dataset.problems, view.state.doc.toString(), area).catch(() => []);
    listProblems(view, list, problems);
    return problems.map((problem) => ({
      ...placeOf(view.state.doc, problem),
      severity: problem.severity === "warning" ? "warning" : "error",
      message: problem.message,
    }));
  };
}

function languageOf(kind) {
  if (kind === "mjml") {
    const elements = Object.entries(MJML_TAGS).map(([name, children]) => ({ name, children, top: name === "mjml" }));
    return [xml({ elements, attributes: MJML_ATTRIBUTES.map((name) => ({ name, global: true })) })];
  }
  return kind === "html" ? [html()] : [];
}

function edit(area) {
  const host = document.createElement("div");
  host.className = "code-editor";
  const list = area.dataset.problemList && document.querySelector(area.dataset.problemList);
  let waiting = 0;
  const keepInStep = EditorView.updateListener.of((change) => {
    if (!change.docChanged) return;
    area.value = change.state.doc.toString();
    clearTimeout(waiting);
    waiting = setTimeout(() => {
      const preview = area.dataset.preview && document.querySelector(area.dataset.preview);
      for (const target of [area, preview]) target?.dispatchEvent(new Event("editor:changed", { bubbles: true }));
    }, 500);
  });
  const mergeTags = completeMergeTags(readCompletions(area));
  const label = document.querySelector(`label[for="${area.id}"]`);
  const view = new EditorView({
    parent: host,
    state: EditorState.create({
      doc: area.value,
      extensions: [
        EditorView.cspNonce.of(document.querySelector('meta[name="style-nonce"]')?.content ?? ""),
        lineNumbers(), foldGutter(), history(), drawSelection(), indentOnInput(), bracketMatching(), closeBrackets(),
        highlightActiveLine(), highlightActiveLineGutter(), highlightSelectionMatches(), indentUnit.of("  "), EditorView.lineWrapping,
        languageOf(area.dataset.editor), EditorState.languageData.of(() => [{ autocomplete: mergeTags }]), autocompletion({ icons: false }),
        syntaxHighlighting(colours), mergeHighlight, look,
        area.dataset.problems ? [linter(problemFinder(area, list), { delay: 400 }), lintGutter()] : [],
        // Esc, then Tab: CodeMirror's own "tab focus mode" lasts two seconds after Esc.
        keymap.of([
          { key: "Escape", run: (target) => { target.setTabFocusMode(2000); return false; } },
          ...completionKeymap, ...defaultKeymap, ...searchKeymap, ...historyKeymap, ...foldKeymap, ...lintKeymap, indentWithTab,
        ]),
        EditorView.contentAttributes.of({
          "aria-label": label?.textContent.trim() ?? area.name,
          ...(area.getAttribute("aria-describedby") ? { "aria-describedby": area.getAttribute("aria-describedby") } : {}),
          spellcheck: "true",
          tabindex: "0", // the scroller around it must be reachable by keyboard, also by axe's rules
          lang: area.lang || document.documentElement.lang,
        }),
        keepInStep,
      ],
    }),
  });
  area.before(host);
  area.hidden = true;
  label?.addEventListener("click", () => view.focus());
  // Others may insert a merge tag or load a template: area.dispatchEvent(new CustomEvent("editor:insert", {detail: "…"}))
  area.addEventListener("editor:insert", (event) => {
    view.dispatch(view.state.replaceSelection(event.detail));
    view.focus();
  });
  if (area.dataset.problems) forceLinting(view);
}

for (const area of document.querySelectorAll("textarea[data-editor]")) edit(area);
