/** The same in Node, where a bundle may be a folder too. */

import { constants } from "node:fs";
import { access, open } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { BundleError } from "./errors.js";
import { load as loadURL } from "./index.js";
import type { Model, Options, Reader } from "./model.js";

export * from "./index.js";

/** Opens a bundle: its folder or the run that `catvae train` left, a URL, or a function that gives its files by their names. */
export async function load(bundle: string | URL | Reader, options: Options): Promise<Model> {
  if (typeof bundle === "function" || /^(https?|data|blob):/.test(String(bundle))) return loadURL(bundle, options);
  const path = String(bundle).startsWith("file:") ? fileURLToPath(bundle) : String(bundle);
  return loadURL(reader(await folderOf(path)), options);
}

async function folderOf(path: string): Promise<string> {
  for (const folder of [path, join(path, "bundle")]) {
    if (await access(join(folder, "manifest.json")).then(() => true, () => false)) return folder;
  }
  throw new BundleError(`${path} is no bundle: it has no manifest.json`);
}

/** Reads regular files alone, opened without waiting: a named pipe would hold us for ever. */
function reader(folder: string): Reader {
  return async (name, most) => {
    const path = join(folder, name);
    try {
      const file = await open(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
      try {
        if (!(await file.stat()).isFile()) throw new Error("it is no regular file");
        const parts: Uint8Array[] = [];
        for (let left = most; left > 0; ) {
          const part = new Uint8Array(Math.min(left, 1 << 20));
          const { bytesRead } = await file.read(part, 0, part.length);
          if (bytesRead === 0) break;
          parts.push(part.subarray(0, bytesRead));
          left -= bytesRead;
        }
        return new Uint8Array(Buffer.concat(parts));
      } finally {
        await file.close();
      }
    } catch (e) {
      throw new BundleError(`${path} cannot be read: ${(e as Error).message}`);
    }
  };
}
