/**
 * Codes of pictures, tables and vectors by a catvae bundle, and back, in a browser or wherever there is `fetch`.
 *
 * A bundle is a folder with a trained model: three ONNX graphs and a manifest that says what rows they take. A code is a few bits for each
 * row; a packed code is the same bits in bytes. Near rows have near codes, so that Hamming distances search them.
 */

import { BundleError } from "./errors.js";
import { Model, type Options, type Reader } from "./model.js";

export { distances, hamming, type Near, pack, search, unpack } from "./codes.js";
export { BundleError, CatvaeError, InputError } from "./errors.js";
export { Model, type Options, type Reader, type Runtime } from "./model.js";
export { type ImageRule, pictureRow, type Pixels } from "./pictures.js";
export type { Numbers, Rows } from "./rows.js";

/** Opens a bundle: the URL of its folder, or a function that gives its files by their names. */
export async function load(bundle: string | URL | Reader, options: Options): Promise<Model> {
  return Model.open(typeof bundle === "function" ? bundle : fetched(bundle), options);
}

function fetched(folder: string | URL): Reader {
  const base = String(folder).replace(/\/?$/, "/");
  return async (name) => {
    let response: Response;
    try {
      response = await fetch(base + name);
    } catch (e) {
      throw new BundleError(`${base + name} cannot be fetched: ${(e as Error).message}`);
    }
    if (!response.ok) throw new BundleError(`${base + name} cannot be fetched: ${response.status} ${response.statusText}`);
    return new Uint8Array(await response.arrayBuffer());
  };
}
