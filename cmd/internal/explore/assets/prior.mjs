// Codes drawn from the prior, decoded. Equal seeds draw equal codes, as catvae sample does.
import { $, acting, lastOnly, make, roving, thumbnail } from "./state.mjs";

const MOST_DRAWN = 24;

export function priorPart(state) {
  const { engine, latent, target, info } = state;
  $("prior-part").hidden = !info.sampled;
  if (!info.sampled) return async () => {};
  const drawn = state.atOnce(MOST_DRAWN);
  const seed = () => Math.max(0, Math.trunc(Number($("seed").value)) || 0);
  const show = lastOnly(
    async () => {
      const codes = await engine.sample(drawn, seed());
      return { of: seed(), codes, decoded: await engine.decode(codes, drawn) };
    },
    ({ of, codes, decoded }) => {
      $("samples").replaceChildren(
        ...Array.from({ length: drawn }, (_, i) => {
          const item = { name: `sample ${i} of seed ${of}`, code: codes.slice(i * latent.bits, (i + 1) * latent.bits) };
          return make("li", {}, thumbnail(state, decoded.slice(i * target.size, (i + 1) * target.size), item.name, () => state.take(item)));
        }),
      );
      roving($("samples"), "button");
    },
  );
  $("seed").onchange = acting(show);
  $("draw").onclick = acting(() => {
    $("seed").value = seed() + 1;
    return show();
  });
  return show;
}
