// What is looked at: an item, which is a row or a code, its code as encoded, and the code as it is now. Parts of the page listen for
// changes; answers that come too late are dropped.

export class State {
  constructor(info, engine, latent, target, drawing) {
    Object.assign(this, { info, engine, latent, target, drawing });
    this.listeners = { taken: [], changed: [] };
    this.turn = 0;
    this.count = info.rows?.count ?? SAMPLES; // items that have numbers
  }

  /** How many rows or codes are asked for at once: fewer where they are large. */
  atOnce(most) {
    return Math.max(1, Math.min(most, Math.floor(NUMBERS / Math.max(this.target.rowSize, this.target.size, this.latent.bits))));
  }

  /** Calls a function when another item was taken, or the code has changed. */
  on(event, listener) {
    this.listeners[event].push(listener);
  }

  /** The items of some numbers: rows, or where there are none codes drawn from the prior. */
  async items(first, count) {
    const { info, engine, latent, target } = this;
    if (info.rows) {
      const rows = await engine.rows(first, count);
      return Array.from({ length: count }, (_, i) => ({
        number: first + i,
        name: info.rows.names?.[first + i] ?? `row ${first + i}`,
        row: rows.slice(i * target.rowSize, (i + 1) * target.rowSize),
      }));
    }
    this.drawn ??= engine.sample(SAMPLES, FIRST_SEED);
    const codes = await this.drawn;
    return Array.from({ length: count }, (_, i) => ({
      number: first + i,
      name: `sample ${first + i}`,
      code: codes.slice((first + i) * latent.bits, (first + i + 1) * latent.bits),
    }));
  }

  /** An item with its code and what that decodes to. */
  async encoded(item) {
    const { engine, target } = this;
    const { codes, logits } = item.row ? await engine.encode(item.row, 1) : { codes: item.code, logits: null };
    return { ...item, logits, encoded: codes, code: codes, decoded: await engine.decode(codes, 1), target: item.row ? target.of(item.row) : null };
  }

  /** Looks at an item. */
  async take(item) {
    const turn = ++this.turn;
    const taken = await this.encoded(item);
    if (turn !== this.turn) return;
    taken.first = taken.decoded;
    this.item = taken;
    this.tell("taken");
    this.tell("changed");
  }

  /** Changes the code of the item that is looked at. */
  async change(code) {
    const turn = ++this.turn;
    this.item.code = code; // the next change builds on it, whether or not this one is drawn
    const item = this.item;
    const decoded = await this.engine.decode(code, 1);
    if (turn !== this.turn) return;
    item.decoded = decoded;
    this.tell("changed");
  }

  /** Changes one variable of the code. */
  flip(variable, choice) {
    return this.change(this.latent.changed(this.item.code, variable, choice));
  }

  tell(event) {
    for (const listener of this.listeners[event]) attempt(() => listener(this.item));
  }
}

const SAMPLES = 64;
const FIRST_SEED = 1;
const NUMBERS = 12e6; // of rows or codes that are asked for at once

/** The element of an id. */
export function $(id) {
  return document.getElementById(id);
}

/** A new element with properties, and attributes by names that have a hyphen or are "role". */
export function make(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name.includes("-") || name === "role") element.setAttribute(name, value);
    else element[name] = value;
  }
  element.append(...children);
  return element;
}

/** Does something, and shows why it failed. */
export async function attempt(action) {
  try {
    await action();
    return true;
  } catch (error) {
    $("problem").textContent = error.message;
    $("problem").hidden = false;
    return false;
  }
}

/** Runs an action for an event; what went wrong before is forgotten. */
export function acting(action) {
  return (event) => {
    $("problem").hidden = true;
    return attempt(() => action(event));
  };
}

/** Returns a function that drops answers of calls before the last: use(answer) is called for the last alone. */
export function lastOnly(ask, use) {
  let turn = 0;
  return async (...args) => {
    const mine = ++turn;
    const answer = await ask(...args);
    if (mine === turn) use(answer, ...args);
  };
}

/** A button with a small drawing of an item. */
export function thumbnail(state, values, label, action, caption) {
  const canvas = make("canvas");
  state.drawing.values(canvas, values);
  const button = make("button", { type: "button", className: "thumb", "aria-label": label, title: label, onclick: acting(action) }, canvas);
  if (caption) button.append(make("span", { textContent: caption }));
  return button;
}

/** Makes the elements of a container one stop of the tab key: arrow keys move within. */
export function roving(container, selector) {
  const all = () => Array.from(container.querySelectorAll(selector));
  const focus = (element) => {
    for (const e of all()) e.tabIndex = e === element ? 0 : -1;
    element.focus();
  };
  container.addEventListener("focusin", (event) => {
    const element = event.target.closest(selector);
    if (element) for (const e of all()) e.tabIndex = e === element ? 0 : -1;
  });
  container.addEventListener("keydown", (event) => {
    const list = all();
    const at = list.indexOf(document.activeElement);
    if (at < 0 || event.ctrlKey || event.metaKey || event.altKey) return;
    const to = { ArrowRight: list[at + 1], ArrowLeft: list[at - 1], Home: list[0], End: list.at(-1), ArrowDown: below(list, at, 1), ArrowUp: below(list, at, -1) }[event.key];
    if (!to) return;
    event.preventDefault();
    focus(to);
  });
  const first = all()[0];
  for (const e of all()) e.tabIndex = e === first ? 0 : -1;
}

/** The element in the next line of a list, nearest to the one at a place. */
function below(list, at, direction) {
  const from = list[at].getBoundingClientRect();
  let [best, least] = [undefined, Infinity];
  for (let i = at + direction; i >= 0 && i < list.length; i += direction) {
    const to = list[i].getBoundingClientRect();
    if (Math.abs(to.top - from.top) < 4) continue;
    const distance = Math.abs(to.left - from.left) + 10 * Math.abs(to.top - from.top);
    if (distance < least) [best, least] = [list[i], distance];
  }
  return best;
}

/** "1 bit", "2 bits". */
export function plural(count, word) {
  return `${count} ${count === 1 ? word : word.endsWith("y") ? `${word.slice(0, -1)}ies` : `${word}s`}`;
}
