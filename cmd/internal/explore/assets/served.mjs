// The engine of a served page: Go does all the computing. Numbers go as float32, little-endian, as every browser's machine has them.

export class Served {
  constructor(info, latent, target) {
    this.latent = latent;
    this.target = target;
    this.codesAtOnce = 8192; // codes that one question of the atlas is about
  }

  async start() {}

  async encode(rows, count) {
    const out = await this.floats("encode", rows);
    return { codes: out.slice(0, count * this.latent.bits), logits: out.slice(count * this.latent.bits) };
  }

  threshold(logits) {
    return this.floats("threshold", logits);
  }

  decode(codes) {
    return this.floats("decode", codes);
  }

  sample(count, seed) {
    return this.floats(`sample?count=${count}&seed=${seed}`);
  }

  atlas(codes, count, first, variables) {
    return this.floats(`atlas?first=${first}&count=${variables}`, codes);
  }

  picture(file) {
    return this.floats("picture", file);
  }

  rows(first, count) {
    return this.floats(`rows?first=${first}&count=${count}`);
  }

  async code(at) {
    return new Uint8Array(await (await this.ask(`codes?at=${at}`)).arrayBuffer());
  }

  async nearest(packed, k) {
    return (await this.ask(`nearest?k=${k}`, packed)).json();
  }

  async floats(path, body) {
    return new Float32Array(await (await this.ask(path, body)).arrayBuffer());
  }

  async ask(path, body) {
    let answer;
    try {
      answer = await fetch(`api/${path}`, body === undefined ? {} : { method: "POST", body, headers: { "Content-Type": "application/octet-stream" } });
    } catch {
      throw new Error("the server does not answer: is catvae explore still running?");
    }
    if (!answer.ok) throw new Error((await answer.json().catch(() => ({}))).error ?? `the server answers ${answer.status}`);
    return answer;
  }
}
