// From one row to another: the numbers of their codes, or the logits that bits are decided from.
import { joined } from "./rows.mjs";
import { $, acting, lastOnly, make, plural, thumbnail } from "./state.mjs";

const MOST_FRAMES = 11;

export function betweenPart(state) {
  const { engine, latent, target } = state;
  const frames = Math.max(2, state.atOnce(MOST_FRAMES));
  const ends = [null, null];
  let by = "codes";

  /** The codes at some places between the ends, 0 to 1. */
  const at = async (places) => {
    const [a, b] = ends;
    const list = by === "logits" ? [a.logits, b.logits] : [a.encoded, b.encoded];
    const mixed = joined(places.map((t) => list[0].map((x, i) => (1 - t) * x + t * list[1][i])));
    return by === "logits" ? engine.threshold(mixed, places.length) : mixed;
  };
  const decodedAt = async (places) => {
    const codes = await at(places);
    return { codes, decoded: await engine.decode(codes, places.length) };
  };
  const part = (all, i, size) => all.slice(i * size, (i + 1) * size);

  const place = () => Number($("between-place").value) / 100;
  const showPlace = lastOnly(
    async () => (ends[0] && ends[1] ? decodedAt([place()]) : null),
    (answer) => {
      if (!answer) return;
      const { codes, decoded } = answer;
      state.drawing.values($("between-canvas"), target.whole(ends[0].row, decoded));
      const changed = latent.differing(latent.decided(codes), ends[0].encoded);
      const all = latent.differing(ends[1].encoded, ends[0].encoded);
      const said = `${Math.round(100 * place())} % of the way: ${changed} of the ${plural(all, "variable")} that differ ${changed === 1 ? "is" : "are"} those of ${ends[1].name}`;
      $("between-said").textContent = said;
      $("between-canvas").setAttribute("aria-label", said);
      state.betweenCode = latent.decided(codes);
    },
  );
  const places = Array.from({ length: frames }, (_, i) => i / (frames - 1));
  const showAll = lastOnly(
    async () => {
      if (!ends[0] || !ends[1]) return null;
      const can = ends[0].logits && ends[1].logits;
      if (!can) by = "codes";
      for (const input of document.querySelectorAll("[name=by]")) [input.disabled, input.checked] = [input.value === "logits" && !can, input.value === by];
      return decodedAt(places);
    },
    (answer) => {
      if (!answer) return;
      $("frames").replaceChildren(
        ...places.map((t, i) =>
          make("li", {}, thumbnail(state, part(answer.decoded, i, target.size), `${Math.round(100 * t)} % of the way`, () => {
            $("between-place").value = 100 * t;
            return showPlace();
          })),
        ),
      );
    },
  );
  const refresh = async () => {
    await showAll();
    await showPlace();
  };
  const choose = async (end, item) => {
    ends[end] = item.encoded ? { ...item } : await state.encoded(item);
    $(`between-${end}`).value = item.number ?? "";
    $(`between-name-${end}`).textContent = item.name;
    await refresh();
  };
  for (const end of [0, 1]) {
    const input = $(`between-${end}`);
    input.max = state.count - 1;
    input.onchange = acting(async () => choose(end, (await state.items(Math.min(state.count - 1, Math.max(0, Math.trunc(Number(input.value)) || 0)), 1))[0]));
    $(`between-take-${end}`).onclick = acting(() => choose(end, { ...state.item, encoded: state.item.code, logits: latent.differing(state.item.code, state.item.encoded) ? null : state.item.logits }));
  }
  for (const input of document.querySelectorAll("[name=by]")) {
    input.onchange = acting(() => {
      by = input.value;
      return refresh();
    });
  }
  $("between-place").oninput = acting(showPlace);
  $("between-use").onclick = acting(() => state.take({ name: `${Math.round(100 * place())} % between ${ends[0].name} and ${ends[1].name}`, code: state.betweenCode }));
  $("between-what").textContent = latent.kind === "gaussian" ? "Codes: the numbers in between. Logits: means and variances in between, which give the same." : "Codes: the decoder is given numbers between 0 and 1. Logits: what the encoder says is mixed, and bits are decided at each place.";
  return async () => {
    const count = Math.min(2, state.count);
    const items = await state.items(0, count);
    await choose(0, items[0]);
    await choose(1, items[count - 1]);
  };
}
