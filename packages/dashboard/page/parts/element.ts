// The little DOM that the parts of the page need: find what index.html promises, make what it does not hold, write only what changed.

/** @throws when index.html has no such element: then nothing of the page can work */
export function byId<T extends HTMLElement>(id: string, kind: new () => T): T {
  const found = document.getElementById(id);
  if (!(found instanceof kind)) throw new Error(`index.html has no ${kind.name} with id ${id}`);
  return found;
}

type Child = Node | string;

export function make<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Readonly<Record<string, string>> = {},
  ...children: readonly Child[]
): HTMLElementTagNameMap[K] {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

/** Text that stays the same is left alone: a selection in it survives, and no screen reader reads it again. */
export function write(element: Element, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}
