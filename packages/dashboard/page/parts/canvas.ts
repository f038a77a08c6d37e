// The picture of the graph: cytoscape on a canvas, its layout, keyboard and pointer.
// Laid out once; from then on whoever is there stays where it is, and newcomers are placed beside (rules/place.ts).
import cytoscape, { type Core, type ElementDefinition, type NodeSingular, type SingularElementReturnValue } from 'cytoscape';
import fcose from 'cytoscape-fcose';
import type { GraphNode } from '../../src/graph.ts';
import { blocks } from '../rules/blocks.ts';
import type { Shown } from '../rules/filter.ts';
import { type EdgePicture, edgePicture, groupId, nodePicture } from '../rules/picture.ts';
import { type Point, place } from '../rules/place.ts';
import { isArrow, next } from '../rules/steer.ts';
import { Chips } from './chips.ts';
import { painting } from './painting.ts';

cytoscape.use(fcose);

/** From this many edges or nodes on, looks give way to speed. */
const large = 400;
const largeNodes = 150;
const zoomStep = 1.25;

/** Pixels: where names are worth more than figures on the edges. */
const narrow = 600;

/** @param edgeLength room for a chip with its text, where the screen has it */
const forces = (edgeLength: number) => ({
  name: 'fcose',
  animate: false,
  fit: false,
  randomize: true,
  nodeDimensionsIncludeLabels: true,
  nodeSeparation: 0.75 * edgeLength,
  idealEdgeLength: () => edgeLength,
  nodeRepulsion: () => 9_000,
  packComponents: false,
});

export interface CanvasEvents {
  /** Pressed or entered; empty: the ground. */
  readonly onSelect: (id: string) => void;
  /** The keyboard has come to this node. */
  readonly onFocus: (nodeId: string) => void;
}

export class Canvas {
  readonly #cy: Core;
  readonly #chips: Chips;
  readonly #events: CanvasEvents;
  /** Where nodes are or last were: who comes back finds its place. */
  readonly #places = new Map<string, Point>();
  #shown: Shown = { nodes: [], edges: [] };
  #focused: string | undefined;
  #selected = '';
  #isLarge = false;
  readonly #isNarrow = innerWidth < narrow;

  constructor(container: HTMLElement, events: CanvasEvents) {
    this.#events = events;
    this.#cy = cytoscape({
      container,
      style: painting({ isLarge: false, isNarrow: this.#isNarrow }),
      minZoom: 0.05,
      maxZoom: 3,
      boxSelectionEnabled: false,
      autounselectify: true,
    });
    this.#chips = new Chips(this.#cy, container);
    this.#cy.on('tap', ({ target }) => events.onSelect(target === this.#cy ? '' : selectable(target.id())));
    this.#cy.on('dragfree', 'node', () => this.#remember());
    container.tabIndex = 0;
    container.addEventListener('keydown', (event) => this.#onKey(event));
    container.addEventListener('blur', () => this.#focus(undefined));
    new ResizeObserver(() => this.#onResize()).observe(container);
  }

  show(shown: Shown): void {
    this.#shown = shown;
    const edges = shown.edges.map(edgePicture);
    const added = shown.nodes.filter(({ id }) => this.#cy.getElementById(id).empty());
    // The section may just have been shown: until then it had no size.
    this.#cy.resize();
    this.#paintFor(edges.length);
    this.#cy.batch(() => {
      this.#removeOthers(shown);
      this.#cy.add([...this.#newGroups(shown), ...this.#newNodes(shown), ...edges.flatMap((edge) => this.#newEdge(edge))]);
    });
    this.#chips.show(edges);
    this.#placeAdded(added);
  }

  /** Lays the whole picture out anew. */
  arrange(): void {
    const { nodes, edges } = this.#shown;
    if (nodes.length === 0) return;
    if (edges.length > large || nodes.length > largeNodes) this.#move(nodes, blocks(nodes, edges, this.#aspect()));
    else {
      this.#cy.layout(forces(this.#isNarrow ? 110 : 190)).run();
      this.#turn();
    }
    this.#remember();
    this.fit();
  }

  fit(): void {
    this.#cy.fit(undefined, 40);
    // A lonely pair need not fill the screen.
    if (this.#cy.zoom() > 1.2) {
      this.#cy.zoom(1.2);
      this.#cy.center();
    }
  }

  zoomBy(factor: number): void {
    const middle = { x: this.#cy.width() / 2, y: this.#cy.height() / 2 };
    this.#cy.zoom({ level: this.#cy.zoom() * factor, renderedPosition: middle });
  }

  /** Marks a node or an edge and fades what has nothing to do with it; empty: nothing is marked. */
  select(id: string): void {
    if (id === '' && this.#selected === '') return;
    this.#cy.batch(() => {
      this.#cy.elements().removeClass('selected faded');
      const chosen = this.#cy.$id(id);
      if (id === '' || chosen.empty()) return;
      const near = chosen.group() === 'nodes' ? chosen.closedNeighborhood() : chosen.union(chosen.connectedNodes());
      this.#cy
        .elements()
        .difference(near.union(this.#cy.nodes('.namespace')))
        .addClass('faded');
      chosen.addClass('selected');
    });
    if (id === this.#selected) return;
    this.#selected = id;
    this.#chips.select(id);
    this.#revealSelected();
  }

  recolour(): void {
    this.#cy.style(painting({ isLarge: this.#isLarge, isNarrow: this.#isNarrow }));
    this.#chips.recolour();
  }

  #newGroups({ nodes }: Shown): ElementDefinition[] {
    const namespaces = new Set(nodes.map(({ namespace }) => namespace).filter((name) => name !== ''));
    return [...namespaces]
      .filter((namespace) => this.#cy.getElementById(groupId(namespace)).empty())
      .map((namespace) => ({ group: 'nodes', data: { id: groupId(namespace), label: namespace }, classes: 'namespace' }));
  }

  /** Those that are there already are brought up to date. */
  #newNodes({ nodes }: Shown): ElementDefinition[] {
    return nodes.map(nodePicture).flatMap(({ id, label, parent, classes }) => {
      const known = this.#cy.getElementById(id);
      if (known.empty()) return [{ group: 'nodes', data: { id, label, ...(parent !== '' && { parent }) }, classes }];
      reclass(known, classes);
      return [];
    });
  }

  #newEdge({ id, from, to, width, classes }: EdgePicture): ElementDefinition[] {
    const known = this.#cy.getElementById(id);
    if (known.empty()) return [{ group: 'edges', data: { id, source: from, target: to, width }, classes }];
    if (known.data('width') !== width) known.data('width', width);
    reclass(known, classes);
    return [];
  }

  #removeOthers({ nodes, edges }: Shown): void {
    const stays = new Set([...nodes.flatMap(({ id, namespace }) => [id, groupId(namespace)]), ...edges.map(({ id }) => id)]);
    this.#cy
      .elements()
      .filter((element) => !stays.has(element.id()))
      .remove();
  }

  /** Who comes back goes where it was. When most are new there is no picture yet to be kept: it is laid out. */
  #placeAdded(added: readonly GraphNode[]): void {
    const { nodes, edges } = this.#shown;
    const newcomers = added.filter(({ id }) => !this.#places.has(id));
    if (newcomers.length > nodes.length / 2) {
      this.arrange();
      return;
    }
    const placesOf = (these: readonly { readonly id: string }[]) => these.flatMap(({ id }) => this.#places.get(id) ?? []);
    for (const node of newcomers) {
      const ends = new Set(edges.flatMap(({ from, to }) => (from === node.id ? [to] : to === node.id ? [from] : [])));
      const spot = place({
        siblings: placesOf(nodes.filter((other) => other.namespace === node.namespace)),
        neighbours: placesOf(nodes.filter(({ id }) => ends.has(id))),
        taken: [...this.#places.values()],
      });
      this.#places.set(node.id, spot);
    }
    this.#move(added, this.#places);
  }

  #move(nodes: readonly { readonly id: string }[], places: ReadonlyMap<string, Point>): void {
    this.#cy.batch(() => {
      for (const { id } of nodes) this.#cy.$id(id).position({ ...(places.get(id) ?? { x: 0, y: 0 }) });
    });
  }

  /** What is wide lies down on a wide screen and stands on a phone's. */
  #turn(): void {
    const { w, h } = this.#cy.elements().boundingBox();
    if (w > h === this.#aspect() > 1) return;
    const turned = this.#leaves().map((node: NodeSingular) => [node.id(), { x: node.position().y, y: node.position().x }] as const);
    this.#move(this.#shown.nodes, new Map(turned));
  }

  #aspect(): number {
    return this.#cy.width() / Math.max(1, this.#cy.height());
  }

  #remember(): void {
    this.#leaves().forEach((node) => void this.#places.set(node.id(), { ...node.position() }));
  }

  #leaves() {
    return this.#cy.nodes().not('.namespace');
  }

  #paintFor(edges: number): void {
    if (edges > large === this.#isLarge) return;
    this.#isLarge = edges > large;
    moveAsTexture(this.#cy, this.#isLarge);
    this.recolour();
  }

  #onKey(event: KeyboardEvent): void {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (isArrow(event.key)) {
      const spots = this.#leaves().map((node: NodeSingular) => ({ id: node.id(), ...node.position() }));
      this.#focus(next(spots, this.#focused, event.key));
    } else if (event.key === 'Enter' && this.#focused !== undefined) this.#events.onSelect(this.#focused);
    else if (event.key === '+' || event.key === '=') this.zoomBy(zoomStep);
    else if (event.key === '-') this.zoomBy(1 / zoomStep);
    else if (event.key === '0') this.fit();
    else return;
    event.preventDefault();
  }

  #focus(id: string | undefined): void {
    this.#cy.nodes('.focused').removeClass('focused');
    this.#focused = id;
    if (id === undefined) return;
    const node = this.#cy.getElementById(id);
    node.addClass('focused');
    this.#reveal(node.renderedPosition());
    this.#events.onFocus(id);
  }

  /** The panel has taken or given back some of the room. */
  #onResize(): void {
    this.#cy.resize();
    this.#revealSelected();
  }

  #revealSelected(): void {
    const chosen = this.#cy.$id(this.#selected);
    if (this.#selected === '' || chosen.empty()) return;
    this.#reveal(chosen.group() === 'nodes' ? chosen.renderedPosition() : chosen.renderedMidpoint());
  }

  /** Brings a place into view when it is outside. */
  #reveal({ x, y }: Point): void {
    const margin = 60;
    const [width, height] = [this.#cy.width(), this.#cy.height()];
    const dx = Math.max(0, margin - x) - Math.max(0, x - (width - margin));
    const dy = Math.max(0, margin - y) - Math.max(0, y - (height - margin));
    if (dx !== 0 || dy !== 0) this.#cy.panBy({ x: dx, y: dy });
  }
}

/** Groups have no details. */
const selectable = (id: string): string => (id.startsWith('namespace:') ? '' : id);

/**
 * Thousands of edges are moved as one image while the viewer drags or turns the wheel, and painted when that ends.
 * Cytoscape takes this as an option at its start, when the size is not known yet; its renderer looks in every frame.
 */
function moveAsTexture(cy: Core & { renderer?(): { textureOnViewport?: boolean } }, wanted: boolean): void {
  const renderer = cy.renderer?.();
  if (renderer !== undefined) renderer.textureOnViewport = wanted;
}

/** Marks of the viewer's stay: new figures must not wipe them off. */
function reclass(element: SingularElementReturnValue, classes: string): void {
  const marks = ['selected', 'faded', 'focused'].filter((name) => element.hasClass(name));
  const wanted = [...classes.split(' '), ...marks];
  if (element.classes().join(' ') !== wanted.join(' ')) element.classes(wanted);
}
