// What each bit does: how much more of everything is decoded with the bit than without it, on the mean over some rows.
import { text } from "./draw.mjs";
import { joined } from "./rows.mjs";
import { $, acting, make, roving } from "./state.mjs";

const MOST_TILES = 1024;
const MOST_ROWS = 64;
const NUMBERS_AT_ONCE = 4 << 20; // of an answer, at most

export function atlasPart(state) {
  const { engine, latent, target } = state;
  let tiles = [];
  let order = "number";
  const shown = visibleVariables(latent);
  const rows = Math.min(state.atOnce(MOST_ROWS), state.count);

  let begun = false;

  const compute = async () => {
    begun = true;
    $("atlas-compute").disabled = true;
    const items = await state.items(0, rows);
    const codes = items[0].row ? (await engine.encode(joined(items.map((i) => i.row)), rows)).codes : joined(items.map((i) => i.code));
    tiles = [];
    for (let v = 0; v < shown; ) {
      const count = Math.min(shown - v, atOnce(v));
      const out = await engine.atlas(codes, rows, v, count);
      let at = 0;
      for (const end = v + count; v < end; v++) {
        const { of } = latent.place(v);
        for (let k = 0; k < of; k++, at++) tiles.push({ variable: v, choice: k, of, values: out.slice(at * target.size, (at + 1) * target.size) });
      }
      $("atlas-progress").value = v / shown;
      await new Promise((resolve) => setTimeout(resolve)); // lets the page breathe
    }
    for (const t of tiles) t.size = Math.sqrt(t.values.reduce((sum, x, i) => sum + target.relative(x, i, true) ** 2, 0) / target.size);
    $("atlas-start").hidden = true;
    $("atlas-order").hidden = false;
    show();
  };
  /** How many variables one question is about. */
  const atOnce = (v) => {
    const { of } = latent.place(v);
    return Math.max(1, Math.floor(Math.min(NUMBERS_AT_ONCE / (of * target.size), engine.codesAtOnce / (Math.max(2, of) * rows), latent.group(v).first + latent.group(v).variables - v)));
  };
  const show = () => {
    const list = order === "effect" ? tiles.toSorted((a, b) => b.size - a.size) : tiles;
    const most = tiles.reduce((a, t) => Math.max(a, state.drawing.most(t.values)), 0);
    $("atlas").replaceChildren(...list.map((t) => make("li", {}, tile(state, t, most))));
    roving($("atlas"), "button");
    pressed();
  };
  const pressed = () => {
    for (const button of $("atlas").querySelectorAll("button")) button.setAttribute("aria-pressed", String(latent.set(state.item.code, Number(button.dataset.variable), Number(button.dataset.choice))));
  };
  state.on("changed", pressed);
  for (const input of document.querySelectorAll("[name=order]")) {
    input.onchange = () => {
      order = input.value;
      show();
    };
  }
  const begin = acting(async () => {
    try {
      await compute();
    } finally {
      $("atlas-compute").disabled = false;
    }
  });
  $("atlas-compute").onclick = begin;
  new IntersectionObserver(([entry], observer) => { // once somebody looks at it
    if (!entry.isIntersecting) return;
    observer.disconnect();
    if (!begun) begin();
  }).observe($("atlas-start"));
  const { of } = latent.groups[0];
  if (latent.groups.length === 1 && of >= 4 && of <= 12 && state.drawing.pictures) { // a line for each variable
    $("atlas").style.setProperty("--tiles", of);
    $("atlas").style.setProperty("--tiles-narrow", of % 2 ? 4 : of / 2);
  }
  const all = latent.variables;
  $("atlas-what").textContent = `${latent.groups.some((g) => g.of > 1) ? "What is decoded with a category, less the mean over its variable's categories" : "What is decoded with the bit, less what is decoded without it"}, on the mean over ${rows} ${state.info.rows ? "rows" : "samples"}: orange is more, blue is less, all at one scale. Press one to change the code.${shown < all ? ` The first ${shown} of ${all} variables are shown.` : ""}`;
}

/** How many variables have tiles. */
function visibleVariables(latent) {
  let [tiles, v] = [0, 0];
  while (v < latent.variables && tiles + latent.place(v).of <= MOST_TILES) tiles += latent.place(v++).of;
  return Math.max(1, v);
}

/** A tile: a drawing of the difference, and for rows that are no pictures the columns that change most. */
function tile(state, t, most) {
  const { target, drawing } = state;
  const name = t.of > 1 ? `${t.variable}:${t.choice}` : `${t.variable}`;
  const canvas = make("canvas");
  drawing.difference(canvas, t.values, most);
  const label = `${t.of > 1 ? `variable ${t.variable}, category ${t.choice}` : `bit ${t.variable}`}, effect ${text(t.size)}`;
  const button = make("button", { type: "button", className: "thumb", "aria-label": label, title: label, onclick: acting(() => state.flip(t.variable, t.choice)) }, canvas, make("span", { textContent: name }));
  button.dataset.variable = t.variable;
  button.dataset.choice = t.choice;
  if (!drawing.pictures && target.columns.length > 0) {
    const by = (i) => Math.abs(target.relative(t.values[i], i, true));
    const top = Array.from(t.values.keys()).sort((a, b) => by(b) - by(a)).slice(0, 2);
    button.append(make("small", { textContent: top.map((i) => `${target.name(i)} ${t.values[i] > 0 ? "+" : "−"}${text(Math.abs(t.values[i]))}`).join(", ") }));
  }
  return button;
}
