// The item that is looked at: the row, what its code decodes to, and how the two differ. Rows that are no pictures have their values in a
// table as well.
import { text } from "./draw.mjs";
import { $, acting, make, plural } from "./state.mjs";

const COLUMNS = 60; // at most so many lines in the table

export function stagePart(state) {
  const { target, drawing, latent } = state;
  let against = "row"; // what is subtracted in the difference
  const show = (item) => {
    const reference = against === "row" && item.target ? item.target : item.first;
    const difference = item.decoded.map((x, i) => x - reference[i]);
    $("view-row").hidden = !item.row;
    const most = Math.max(drawing.most(item.decoded, false), item.target ? drawing.most(item.target, false) : 0);
    if (item.row) drawing.values($("row-canvas"), target.lines ? item.row : item.target, most);
    drawing.values($("decoded-canvas"), target.whole(item.row, item.decoded), most);
    drawing.difference($("difference-canvas"), target.whole(item.row && new Float32Array(item.row.length), difference), drawing.most(difference) || 1);
    const flipped = latent.differing(item.code, item.encoded);
    const mean = difference.reduce((sum, x, i) => sum + Math.abs(target.relative(x, i, true)), 0) / difference.length;
    const unit = target.standard?.deviation ? " deviations" : "";
    const word = latent.groups.every((g) => g.of > 1) ? "category" : latent.groups.some((g) => g.of > 1) ? "variable" : "bit";
    $("item-name").textContent = item.name;
    $("item-state").textContent = `${flipped ? `${plural(flipped, word)} of ${latent.variables} changed` : item.row ? "the code as encoded" : "the code as drawn"}; mean difference to ${reference === item.target ? "the row" : "the code as it was"} ${text(mean)}${unit}`;
    $("row-canvas").setAttribute("aria-label", `${item.name}, as it is`);
    $("decoded-canvas").setAttribute("aria-label", `${item.name}, decoded from its code${flipped ? ` with ${plural(flipped, word)} changed` : ""}`);
    $("difference-canvas").setAttribute("aria-label", `Difference, orange where the decoded row has more, blue where less; on the mean ${text(mean)}${unit}`);
    $("undo").disabled = flipped === 0;
    if (!drawing.pictures) $("values").replaceChildren(...lines(target, item, reference, difference));
  };
  $("values-box").hidden = drawing.pictures;
  $("decoded-title").textContent = target.lines ? "predicted" : "decoded";
  for (const input of document.querySelectorAll("[name=against]")) {
    input.onchange = () => {
      against = input.value;
      show(state.item);
    };
  }
  $("against").hidden = !state.info.rows && !state.info.pictures;
  $("undo").onclick = acting(() => state.change(state.item.encoded));
  state.on("changed", show);
}

/** The lines of the table of values: of many, those that differ most. */
function lines(target, item, reference, difference) {
  const order = Array.from(difference.keys());
  const size = (i) => Math.abs(target.relative(difference[i], i, true));
  if (order.length > COLUMNS) {
    order.sort((a, b) => size(b) - size(a));
    order.length = COLUMNS;
  }
  const most = order.reduce((a, i) => Math.max(a, size(i)), 0) || 1;
  return order.map((i) => {
    const bar = make("meter", { min: 0, max: 1, value: size(i) / most, className: difference[i] < 0 ? "less" : "more", "aria-label": `difference ${text(difference[i])}` });
    return make("tr", {}, make("th", { scope: "row", textContent: target.name(i) }), make("td", { textContent: text(reference[i]) }), make("td", { textContent: text(item.decoded[i]) }), make("td", {}, bar));
  });
}
