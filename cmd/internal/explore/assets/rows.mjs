// The strip of rows to choose from.
import { $, acting, lastOnly, make, roving, thumbnail } from "./state.mjs";

const MOST_SHOWN = 24;

export function rowsPart(state) {
  const { info, engine, latent } = state;
  const strip = $("strip");
  let first = 0;
  const shown = state.atOnce(MOST_SHOWN);
  const what = info.rows ? (info.rows.of ? `the first ${info.rows.count} of ${info.rows.of} rows of ${info.rows.source}` : `${info.rows.count} rows of ${info.rows.source}`) : `${state.count} codes drawn from the prior: there are no rows (--data names some)`;
  $("rows-title").textContent = info.rows ? "Rows" : "Samples";
  $("rows-what").textContent = what;

  const show = lastOnly(
    async () => {
      const items = await state.items(first, Math.min(shown, state.count - first));
      if (items[0].row) return items.map((item) => [item, item.row]);
      const decoded = await engine.decode(joined(items.map((i) => i.code)), items.length);
      return items.map((item, i) => [item, decoded.slice(i * state.target.size, (i + 1) * state.target.size)]);
    },
    (list) => {
      strip.replaceChildren(...list.map(([item, values]) => make("li", {}, mark(thumbnail(state, values, item.name, () => state.take(item)), item.number))));
      roving(strip, "button");
      current();
    },
  );
  const current = () => {
    for (const button of strip.querySelectorAll("button")) button.setAttribute("aria-current", String(Number(button.dataset.number) === state.item?.number));
  };
  const go = async (number) => {
    const to = Math.min(state.count - 1, Math.max(0, number));
    const page = Math.floor(to / shown) * shown;
    if (page !== first) {
      first = page;
      await show();
    }
    return to;
  };
  const take = async (number) => state.take((await state.items(await go(number), 1))[0]);
  $("rows-before").onclick = acting(() => go(first - shown));
  $("rows-after").onclick = acting(() => go(Math.min(first + shown, state.count - 1)));
  $("row-number").max = state.count - 1;
  $("row-number").onchange = acting((event) => take(Math.trunc(Number(event.target.value)) || 0));
  $("row-any").onclick = acting(() => take(Math.floor(Math.random() * state.count)));
  state.on("taken", (item) => {
    current();
    if (item.number !== undefined) $("row-number").value = item.number;
  });
  return { take, show };
}

function mark(button, number) {
  button.dataset.number = number;
  return button;
}

/** Some lists of numbers as one. */
export function joined(lists) {
  const out = new Float32Array(lists.reduce((sum, l) => sum + l.length, 0));
  let at = 0;
  for (const l of lists) {
    out.set(l, at);
    at += l.length;
  }
  return out;
}
