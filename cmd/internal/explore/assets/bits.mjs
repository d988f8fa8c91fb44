// The code, to be changed: a button for each bit, a line of buttons for each variable of categories, the sign of each gaussian number.
import { text } from "./draw.mjs";
import { $, acting, make, roving } from "./state.mjs";

const MOST = 2048; // buttons

export function bitsPart(state) {
  const { latent } = state;
  const box = $("bits");
  const buttons = []; // [button, variable, choice]
  const layers = latent.groups.length > 1;
  for (const [index, g] of latent.groups.entries()) {
    if (layers) box.append(make("h3", { textContent: `${latent.kind === "hierarchical" ? "layer" : "group"} ${index + 1}: ${title(g)}${latent.read(g) ? "" : ", which the decoder does not read"}` }));
    const grid = make("div", { className: g.of > 1 ? "categories" : "grid" });
    for (let v = g.first; v < g.first + g.variables && buttons.length + g.of <= MOST; v++) {
      const line = g.of > 1 ? make("div", { className: "variable", role: "group", "aria-label": `variable ${v}` }, make("span", { textContent: v, className: "label", "aria-hidden": "true" })) : grid;
      for (let k = 0; k < g.of; k++) {
        const button = make("button", { type: "button", className: "bit", onclick: acting(() => state.flip(v, k)) });
        buttons.push([button, v, k, g]);
        line.append(button);
      }
      if (line !== grid) grid.append(line);
    }
    box.append(grid);
  }
  roving(box, ".bit");
  const total = latent.groups.reduce((sum, g) => sum + g.variables * g.of, 0);
  $("bits-what").textContent = `${what(latent)}${buttons.length < total ? ` The first ${buttons.length} of ${total} are shown.` : ""}`;
  state.on("changed", (item) => {
    for (const [button, v, k, g] of buttons) {
      const set = latent.set(item.code, v, k);
      const changed = set !== latent.set(item.encoded, v, k);
      const number = item.code[latent.place(v).from];
      button.setAttribute("aria-pressed", String(set));
      button.classList.toggle("changed", changed);
      const name = g.of > 1 ? `variable ${v}, category ${k}` : g.kind === "gaussian" ? `variable ${v}, ${text(number)}` : `bit ${v}`;
      button.textContent = g.of > 1 ? k : g.kind === "gaussian" ? (set ? "+" : "−") : set ? "1" : "0";
      button.setAttribute("aria-label", `${name}${changed ? ", changed" : ""}`);
      button.title = name;
    }
    $("bits-hex").textContent = Array.from(latent.pack(item.code).subarray(0, 64), (b) => b.toString(16).padStart(2, "0")).join("") + (latent.bytes > 64 ? "…" : "");
  });
}

function title(g) {
  return g.of > 1 ? `${g.variables} variables of ${g.of} categories` : `${g.variables} ${g.kind === "gaussian" ? "gaussian numbers" : "bits"}`;
}

function what(latent) {
  const kinds = new Set(latent.groups.map((g) => (g.of > 1 ? "categories" : g.kind)));
  if (kinds.size > 1) return "Press a bit to flip it, a category to choose it.";
  if (kinds.has("categories")) return "A line is a variable. Press a category to choose it.";
  if (kinds.has("gaussian")) return "Bits are the signs of numbers. Press one to turn its sign.";
  return "Press a bit to flip it.";
}
