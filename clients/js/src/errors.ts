/** Every error of this package: one line that names the thing and the way out. */
export class CatvaeError extends Error {
  override name = "CatvaeError";
}

/** The bundle is broken, newer than this package, or lacks what was asked for. */
export class BundleError extends CatvaeError {
  override name = "BundleError";
}

/** Rows or codes are none that the model takes. */
export class InputError extends CatvaeError {
  override name = "InputError";
}
