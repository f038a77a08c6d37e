// The controls above both views: which view, window, search and filters. They show the view they are given and report what the viewer changes.
import { windows } from '../../src/graph.ts';
import { isFiltered, noFilters, type View } from '../rules/view.ts';
import { byId, make, write } from './element.ts';

type Change = (changed: Partial<View>) => void;

const typingMs = 150;

export class Filters {
  readonly #asGraph = byId('as-graph', HTMLButtonElement);
  readonly #asTable = byId('as-table', HTMLButtonElement);
  readonly #search = byId('search', HTMLInputElement);
  readonly #window = byId('window', HTMLSelectElement);
  readonly #protocol = byId('protocol', HTMLSelectElement);
  readonly #menu = byId('namespaces', HTMLDetailsElement);
  readonly #menuTitle = byId('namespaces-summary', HTMLElement);
  readonly #choices = byId('namespace-choices', HTMLFieldSetElement);
  readonly #clear = byId('clear-filters', HTMLButtonElement);
  readonly #toggles = {
    deniedOnly: byId('denied-only', HTMLInputElement),
    clearOnly: byId('clear-only', HTMLInputElement),
    hideIdle: byId('hide-idle', HTMLInputElement),
  };

  constructor(change: Change) {
    this.#window.append(...windows.map((seconds) => make('option', { value: String(seconds) }, windowName(seconds))));
    this.#asGraph.addEventListener('click', () => change({ shape: 'graph' }));
    this.#asTable.addEventListener('click', () => change({ shape: 'table' }));
    this.#clear.addEventListener('click', () => {
      change(noFilters);
      this.#search.focus();
    });
    this.#window.addEventListener('change', () =>
      change({ windowSeconds: windows.find((each) => String(each) === this.#window.value) ?? 60 }),
    );
    this.#protocol.addEventListener('change', () => change({ protocol: protocolOf(this.#protocol.value) }));
    for (const name of ['deniedOnly', 'clearOnly', 'hideIdle'] as const)
      this.#toggles[name].addEventListener('change', () => change({ [name]: this.#toggles[name].checked }));
    let typing: ReturnType<typeof setTimeout> | undefined;
    this.#search.addEventListener('input', () => {
      clearTimeout(typing);
      typing = setTimeout(() => change({ search: this.#search.value.trim() }), typingMs);
    });
    this.#choices.addEventListener('change', () => change({ namespaces: this.#chosen() }));
    this.#closeMenuOutside();
    byId('filter-form', HTMLFormElement).addEventListener('submit', (event) => event.preventDefault());
    // Beside the picture there is room; on a phone they open on demand.
    byId('filters', HTMLDetailsElement).open = matchMedia('(min-width: 761px)').matches;
  }

  show(view: View, namespaces: readonly string[]): void {
    this.#asGraph.setAttribute('aria-pressed', String(view.shape === 'graph'));
    this.#asTable.setAttribute('aria-pressed', String(view.shape === 'table'));
    this.#window.value = String(view.windowSeconds);
    this.#protocol.value = view.protocol;
    if (document.activeElement !== this.#search) this.#search.value = view.search;
    for (const name of ['deniedOnly', 'clearOnly', 'hideIdle'] as const) this.#toggles[name].checked = view[name];
    this.#clear.hidden = !isFiltered(view);
    write(byId('filter-count', HTMLElement), isFiltered(view) ? ' (active)' : '');
    this.#showNamespaces(view, namespaces);
  }

  /** @returns whether a menu was open */
  closeMenu(): boolean {
    if (!this.#menu.open) return false;
    this.#menu.open = false;
    this.#menuTitle.focus();
    return true;
  }

  #showNamespaces(view: View, namespaces: readonly string[]): void {
    const all = [...new Set([...namespaces, ...view.namespaces])].sort();
    const boxes = [...this.#choices.querySelectorAll('input')];
    if (boxes.map((box) => box.value).join() !== all.join()) {
      for (const label of this.#choices.querySelectorAll('label')) label.remove();
      this.#choices.append(...all.map((name) => make('label', {}, make('input', { type: 'checkbox', value: name }), name)));
    }
    for (const box of this.#choices.querySelectorAll('input')) box.checked = view.namespaces.includes(box.value);
    const [only] = view.namespaces;
    const some = view.namespaces.length === 1 ? `Namespace ${only}` : `${view.namespaces.length} namespaces`;
    write(this.#menuTitle, view.namespaces.length === 0 ? 'All namespaces' : some);
  }

  #chosen(): string[] {
    return [...this.#choices.querySelectorAll('input')].filter((box) => box.checked).map((box) => box.value);
  }

  #closeMenuOutside(): void {
    const closeUnlessIn = ({ target }: Event): void => {
      if (target instanceof Node && !this.#menu.contains(target)) this.#menu.open = false;
    };
    document.addEventListener('pointerdown', closeUnlessIn);
    document.addEventListener('focusin', closeUnlessIn);
  }
}

function windowName(seconds: number): string {
  if (seconds < 60) return `${seconds} seconds`;
  return seconds === 60 ? '1 minute' : `${seconds / 60} minutes`;
}

const protocolOf = (value: string): View['protocol'] => (value === 'tcp' || value === 'http' || value === 'grpc' ? value : '');
