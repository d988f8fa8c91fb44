// The page: reads what it is told of the model, starts the engine, and puts the parts together.
import { Alone } from "./alone.mjs";
import { atlasPart } from "./atlas.mjs";
import { betweenPart } from "./between.mjs";
import { bitsPart } from "./bits.mjs";
import { Drawing } from "./draw.mjs";
import { Latent } from "./latent.mjs";
import { nearestPart } from "./nearest.mjs";
import { priorPart } from "./prior.mjs";
import { rowsPart } from "./rows.mjs";
import { Served } from "./served.mjs";
import { stagePart } from "./stage.mjs";
import { $, State, acting, attempt } from "./state.mjs";
import { Target } from "./target.mjs";

async function main() {
  const info = JSON.parse($("info").textContent);
  const latent = new Latent(info.manifest.latent);
  const target = new Target(info);
  const engine = new { served: Served, alone: Alone }[info.engine](info, latent, target);
  const state = new State(info, engine, latent, target, new Drawing(info, target));
  head(info, latent);
  document.body.classList.toggle("bars", !state.drawing.pictures);
  await engine.start();
  stagePart(state);
  bitsPart(state);
  const { take, show: showRows } = rowsPart(state);
  const between = betweenPart(state);
  const prior = priorPart(state);
  nearestPart(state);
  atlasPart(state);
  picturesPart(state);
  document.addEventListener("keydown", (event) => keys(event, state, take));
  await showRows();
  await take(0);
  globalThis.catvae = state; // for those who look at it from the console, and for tests
  $("wait").hidden = true;
  $("main").hidden = false;
  await between();
  await prior();
  document.documentElement.dataset.ready = "true";
}

/** The name of the model and what there is to say of it in a line. */
function head(info, latent) {
  const { input, likelihood, warnings = [] } = info.manifest;
  const kinds = latent.groups.map((g) => (g.of > 1 ? `${g.variables}×${g.of} categories` : `${g.variables} ${g.kind === "gaussian" ? "gaussian numbers" : "bits"}`)).join(" + ");
  $("name").textContent = info.name || "a model without a name";
  const name = likelihood === "vmf" ? "von Mises-Fisher" : likelihood;
  $("facts").textContent = [kinds, `rows ${input.shape.join("×")}`, `${name} likelihood`, `${info.manifest.latent.prior.kind} prior`, info.runtime].join(" · ");
  $("facts").title = info.bundle;
  for (const warning of warnings) {
    $("warnings").append(Object.assign(document.createElement("p"), { textContent: warning }));
  }
}

/** Pictures that are dropped, pasted or chosen. */
function picturesPart(state) {
  $("drop").hidden = !state.info.pictures;
  if (!state.info.pictures) return;
  const use = acting(async (file) => state.take({ name: file.name || "pasted picture", row: await state.engine.picture(file) }));
  const first = (list) => Array.from(list ?? []).find((f) => f.type.startsWith("image/") || f.type === "");
  const given = (list, event) => {
    const file = first(list);
    if (!file) return;
    event.preventDefault();
    use(file);
  };
  $("file").onchange = (event) => {
    given(event.target.files, event);
    event.target.value = ""; // the same file can be chosen again
  };
  document.addEventListener("paste", (event) => given(event.clipboardData?.files, event));
  for (const kind of ["dragenter", "dragover"]) {
    document.addEventListener(kind, (event) => {
      if (!event.dataTransfer?.types.includes("Files")) return;
      event.preventDefault();
      document.body.classList.add("over");
    });
  }
  document.addEventListener("dragleave", (event) => {
    if (!event.relatedTarget) document.body.classList.remove("over");
  });
  document.addEventListener("drop", (event) => {
    document.body.classList.remove("over");
    if (event.dataTransfer?.types.includes("Files")) event.preventDefault(); // or the browser leaves the page
    given(event.dataTransfer?.files, event);
  });
}

/** Keys that work wherever nothing is being written. */
function keys(event, state, take) {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.matches("input:not([type=radio]), textarea, select")) return;
  const number = state.item.number ?? 0;
  const action = { n: () => take(number + 1), p: () => take(number - 1), r: () => take(Math.floor(Math.random() * state.count)), u: () => state.change(state.item.encoded) }[event.key];
  if (!action) return;
  event.preventDefault();
  acting(action)(event);
}

if (!(await attempt(main))) $("wait").textContent = "The page could not start.";
