// The codes of a file that are nearest to the code as it is now.
import { joined } from "./rows.mjs";
import { $, attempt, lastOnly, make, plural, roving, thumbnail } from "./state.mjs";

const MOST_NEAREST = 12;

export function nearestPart(state) {
  const { info, engine, latent, target } = state;
  $("nearest-part").hidden = !info.codes;
  if (!info.codes) return;
  $("nearest-what").textContent = `Of ${info.codes.of ? `the first ${info.codes.count} of ${info.codes.of}` : info.codes.count} codes of ${info.codes.source}, by bits that differ.`;
  const show = lastOnly(
    async (item) => {
      const list = await engine.nearest(latent.pack(item.code), Math.min(state.atOnce(MOST_NEAREST), info.codes.count));
      const codes = await Promise.all(list.map(async (n) => latent.unpack(await engine.code(n.code))));
      const decoded = await engine.decode(joined(codes), codes.length);
      const rows = await Promise.all(list.map((n) => (n.row >= 0 ? engine.rows(n.row, 1) : null)));
      return list.map((n, i) => ({ ...n, values: rows[i] ? shown(target, rows[i]) : decoded.slice(i * target.size, (i + 1) * target.size), item: rows[i] ? { number: n.row, name: n.name, row: rows[i] } : { name: n.name, code: codes[i] } }));
    },
    (list) => {
      $("nearest").replaceChildren(
        ...list.map((n) => make("li", {}, thumbnail(state, n.values, `${n.name}, ${plural(n.distance, "bit")} away${n.item.row ? "" : ", decoded from its code"}`, () => state.take(n.item), n.distance === 0 ? "same" : plural(n.distance, "bit")))),
      );
      roving($("nearest"), "button");
    },
  );
  state.on("changed", (item) => attempt(() => show(item)));
}

/** The values of a row that are drawn: the row where it is a picture, else what the decoder should give of it. */
function shown(target, row) {
  return target.lines ? row : target.of(row);
}
