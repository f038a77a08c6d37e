// The table of connections: the same as the picture, for phones, screen readers and whoever likes figures.
// Rows are kept by the id of their edge and only cells that changed are written, so that a poll disturbs neither focus nor selection.
import type { GraphEdge } from '../../src/graph.ts';
import { type ColumnId, columnIds, columns, sorted } from '../rules/columns.ts';
import { edgeInWords } from '../rules/summary.ts';
import { toHash, type View } from '../rules/view.ts';
import { isDenied, isIdle, security } from '../rules/words.ts';
import { make, write } from './element.ts';

/** A page of rows: more are a press away. */
const pageRows = 200;

interface Row {
  readonly element: HTMLTableRowElement;
  readonly cells: Readonly<Record<ColumnId, HTMLElement>>;
  readonly link: HTMLAnchorElement;
}

export class Table {
  readonly #body = make('tbody');
  readonly #headings: ReadonlyMap<ColumnId, HTMLTableCellElement>;
  readonly #more = make('button', { type: 'button', class: 'more' });
  #rows = new Map<string, Row>();
  #limit = pageRows;
  #last: { readonly edges: readonly GraphEdge[]; readonly view: View } | undefined;

  constructor(container: HTMLElement, onSort: (column: ColumnId) => void) {
    // Scrolls: by keyboard too.
    container.tabIndex = 0;
    this.#headings = new Map(columnIds.map((id) => [id, heading(id, () => onSort(id))]));
    const caption = make('caption', { class: 'unseen' }, 'Connections. Press a heading to sort by it.');
    container.append(make('table', {}, caption, make('thead', {}, make('tr', {}, ...this.#headings.values())), this.#body), this.#more);
    this.#more.addEventListener('click', () => {
      this.#limit += pageRows;
      if (this.#last !== undefined) this.show(this.#last.edges, this.#last.view);
    });
  }

  show(edges: readonly GraphEdge[], view: View): void {
    this.#last = { edges, view };
    const { column, descending } = view.sort;
    for (const [id, element] of this.#headings)
      element.setAttribute('aria-sort', id !== column ? 'none' : descending ? 'descending' : 'ascending');
    const rows = new Map<string, Row>();
    for (const edge of sorted(edges, column, descending).slice(0, this.#limit)) {
      const row = this.#rows.get(edge.id) ?? newRow();
      fill(row, edge, view);
      rows.set(edge.id, row);
    }
    for (const [id, { element }] of this.#rows) if (!rows.has(id)) element.remove();
    this.#rows = rows;
    this.#order([...rows.values()].map(({ element }) => element));
    this.#more.hidden = edges.length <= this.#limit;
    write(this.#more, `Show ${Math.min(pageRows, edges.length - this.#limit)} of ${edges.length - this.#limit} more`);
  }

  /** Moves only what is out of place: moving a row takes the focus out of it. */
  #order(wanted: readonly HTMLTableRowElement[]): void {
    let at = this.#body.firstElementChild;
    for (const row of wanted) {
      if (row === at) at = at.nextElementSibling;
      else this.#body.insertBefore(row, at);
    }
  }
}

function heading(id: ColumnId, onPress: () => void): HTMLTableCellElement {
  const { title } = columns[id];
  const button = make('button', { type: 'button', class: 'heading' }, title);
  button.addEventListener('click', onPress);
  return make('th', { scope: 'col', class: classOf(id) }, button);
}

function classOf(id: ColumnId): string {
  const { isFigure, minor } = columns[id];
  return [id, ...(isFigure ? ['figure'] : []), ...(minor ? ['minor'] : [])].join(' ');
}

function newRow(): Row {
  const element = make('tr');
  const link = make('a');
  const cells: Partial<Record<ColumnId, HTMLElement>> = {};
  for (const id of columnIds) {
    const cell = id === 'from' ? make('th', { scope: 'row', class: classOf(id) }) : make('td', { class: classOf(id) });
    element.append(cell);
    if (id === 'from') cell.append(link);
    cells[id] = id === 'from' ? link : cell;
  }
  // The whole row is the link's target for a pointer; the keyboard has the link.
  element.addEventListener('click', (event) => {
    if (event.target instanceof Element && event.target.closest('a') === null && getSelection()?.isCollapsed !== false) link.click();
  });
  return { element, link, cells: cells as Record<ColumnId, HTMLElement> };
}

function fill({ element, cells, link }: Row, edge: GraphEdge, view: View): void {
  for (const id of columnIds) {
    const text = columns[id].text(edge);
    if (id === 'from' || id === 'to') writeName(cells[id], edge[id], text);
    else if (id === 'denied') writeDenials(cells[id], text);
    else write(cells[id], text);
  }
  cells.security.dataset.lock = security[edge.security].lock;
  cells.security.title = security[edge.security].long;
  cells.denied.title = edge.deniedBy.join(', ');
  element.classList.toggle('is-denied', isDenied(edge));
  element.classList.toggle('is-idle', isIdle(edge));
  element.classList.toggle('is-selected', edge.id === view.selected);
  link.href = `#${toHash({ ...view, selected: edge.id })}`;
  link.setAttribute('aria-label', `${edgeInWords(edge)}: details`);
  if (edge.id === view.selected) link.setAttribute('aria-current', 'true');
  else link.removeAttribute('aria-current');
}

/** The sign of its kind and `shop/web`, with the namespace set back. */
function writeName(cell: HTMLElement, nodeId: string, text: string): void {
  if (cell.textContent === text) return;
  const slash = text.indexOf('/') + 1;
  const sign = make('i', { class: `shape ${nodeId.slice(0, Math.max(0, nodeId.indexOf(':'))) || 'outside'}` });
  cell.replaceChildren(sign, ...(slash === 0 ? [] : [make('span', { class: 'namespace' }, text.slice(0, slash))]), text.slice(slash));
}

/** `12 · shop/deny`; the policy makes room on a phone. */
function writeDenials(cell: HTMLElement, text: string): void {
  if (cell.textContent === text) return;
  const dot = text.indexOf(' · ');
  cell.replaceChildren(...(dot < 0 ? [text] : [text.slice(0, dot), make('span', { class: 'policy' }, text.slice(dot))]));
}
