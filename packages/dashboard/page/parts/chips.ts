// The chips on the edges: a lock, open or closed, and a figure. Painted on a canvas of their own above the picture.
// Where there is no room, the important ones (denied, in clear, busy) come first and the rest waits until the viewer zooms in.
import type { Core } from 'cytoscape';
import type { EdgePicture } from '../rules/picture.ts';
import { fontFamily } from './painting.ts';
import { colour } from './theme.ts';

/** In pixels of the screen: how long an edge must be to carry a lock, and a text. */
const lengthForLock = 46;
const lengthForText = 120;
/** Square pixels of the screen for each chip: more of them would be noise. */
const areaEach = 18_000;
/** So long after its last movement the picture is at rest, and chips are chosen anew. */
const restMs = 150;
const height = 18;
const lockWidth = 9;
const font = `11px ${fontFamily}`;

interface Spot {
  readonly x: number;
  readonly y: number;
  readonly width: number;
}

export class Chips {
  readonly #cy: Core;
  readonly #paint: CanvasRenderingContext2D;
  #edges: readonly EdgePicture[] = [];
  #colours = colours();
  readonly #textWidths = new Map<string, number>();
  /** Of the last drawing at rest: while the picture moves they move along, so that no frame looks at thousands of edges. */
  #drawn: readonly EdgePicture[] = [];
  #resting: ReturnType<typeof setTimeout> | undefined;
  #hovered = '';
  #selected = '';

  constructor(cy: Core, container: HTMLElement) {
    this.#cy = cy;
    const canvas = document.createElement('canvas');
    canvas.className = 'chips';
    container.append(canvas);
    const paint = canvas.getContext('2d');
    if (paint === null) throw new Error('this browser has no canvas');
    this.#paint = paint;
    cy.on('render', () => this.#draw());
    cy.on('viewport', () => {
      clearTimeout(this.#resting);
      this.#resting = setTimeout(() => {
        this.#resting = undefined;
        this.#draw();
      }, restMs);
    });
    cy.on('mouseover', 'edge', ({ target }) => this.#hover(target.id()));
    cy.on('mouseout', 'edge', () => this.#hover(''));
  }

  show(edges: readonly EdgePicture[]): void {
    this.#edges = [...edges].sort((a, b) => b.weight - a.weight);
    this.#textWidths.clear();
    this.#draw();
  }

  /** A selected edge has its chip before all others. */
  select(id: string): void {
    this.#selected = id;
    this.#draw();
  }

  recolour(): void {
    this.#colours = colours();
    this.#draw();
  }

  #hover(id: string): void {
    this.#hovered = id;
    this.#draw();
  }

  #isChosen({ id }: EdgePicture): boolean {
    return id === this.#hovered || id === this.#selected;
  }

  #draw(): void {
    const { canvas } = this.#paint;
    const [width, height] = [this.#cy.width(), this.#cy.height()];
    const ratio = devicePixelRatio;
    if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
      canvas.width = Math.round(width * ratio);
      canvas.height = Math.round(height * ratio);
    }
    this.#paint.setTransform(ratio, 0, 0, ratio, 0, 0);
    this.#paint.clearRect(0, 0, width, height);
    const isMoving = this.#resting !== undefined;
    const candidates = isMoving ? this.#drawn : [...this.#edges.filter((edge) => this.#isChosen(edge)), ...this.#edges];
    const most = Math.ceil((width * height) / areaEach);
    const drawn: EdgePicture[] = [];
    const spots: Spot[] = [];
    for (const edge of candidates) {
      if (drawn.length >= most) break;
      const spot = this.#spotOf(edge, width, height);
      if (spot === undefined || spots.some((other) => overlap(spot, other))) continue;
      drawn.push(edge);
      spots.push(spot);
      this.#drawChip(edge, spot);
    }
    if (!isMoving) this.#drawn = drawn;
  }

  /** Where the chip goes; nowhere when the edge is out of sight or too short. */
  #spotOf(edge: EdgePicture, width: number, height: number): Spot | undefined {
    const element = this.#cy.getElementById(edge.id);
    if (element.empty() || element.hasClass('faded')) return undefined;
    const { x: x1, y: y1 } = element.source().renderedPosition();
    const { x: x2, y: y2 } = element.target().renderedPosition();
    if (Math.max(x1, x2) < 0 || Math.min(x1, x2) > width || Math.max(y1, y2) < 0 || Math.min(y1, y2) > height) return undefined;
    const length = Math.hypot(x2 - x1, y2 - y1);
    const isChosen = this.#isChosen(edge);
    if (length < lengthForLock && !isChosen) return undefined;
    const withText = edge.label !== '' && (length >= lengthForText || isChosen || (edge.isDenied && length >= lengthForText / 2));
    if (!withText && edge.lock === 'none') return undefined;
    const { x, y } = element.renderedMidpoint();
    const lock = edge.lock === 'none' ? 0 : lockWidth + (withText ? 5 : 0);
    return { x, y, width: 12 + lock + (withText ? this.#textWidth(edge.label) : 0) };
  }

  #textWidth(text: string): number {
    let width = this.#textWidths.get(text);
    if (width === undefined) {
      this.#paint.font = font;
      width = this.#paint.measureText(text).width;
      this.#textWidths.set(text, width);
    }
    return width;
  }

  #drawChip(edge: EdgePicture, { x, y, width }: Spot): void {
    const paint = this.#paint;
    const ink = this.#inkOf(edge);
    const left = x - width / 2;
    paint.beginPath();
    paint.roundRect(left, y - height / 2, width, height, height / 2);
    paint.fillStyle = this.#colours.surface;
    paint.fill();
    paint.lineWidth = 1;
    paint.strokeStyle = edge.isDenied || edge.lock === 'open' ? ink : this.#colours.line;
    paint.stroke();
    let at = left + 6;
    if (edge.lock !== 'none') {
      drawLock(paint, at, y, edge.lock, edge.isDenied ? this.#colours.muted : ink);
      at += lockWidth + 5;
    }
    if (left + width - at < 12) return;
    paint.font = font;
    paint.textBaseline = 'middle';
    paint.fillStyle = edge.isDenied ? ink : this.#colours.ink;
    paint.fillText(edge.label, at, y + 0.5);
  }

  #inkOf(edge: EdgePicture): string {
    if (edge.isDenied) return this.#colours.denied;
    return edge.lock === 'open' ? this.#colours.clear : this.#colours.mtls;
  }
}

const colours = () => ({
  surface: colour('surface'),
  line: colour('line'),
  ink: colour('ink'),
  muted: colour('muted'),
  mtls: colour('mtls'),
  clear: colour('clear'),
  denied: colour('denied'),
});

function drawLock(paint: CanvasRenderingContext2D, left: number, y: number, lock: 'closed' | 'open', ink: string): void {
  paint.fillStyle = ink;
  paint.strokeStyle = ink;
  paint.lineWidth = 1.5;
  paint.beginPath();
  paint.roundRect(left, y - 1, lockWidth, 6, 1.2);
  paint.fill();
  paint.beginPath();
  // An open shackle has left its right hole and leans away.
  const shift = lock === 'open' ? 3.4 : 0;
  paint.moveTo(left + 2 + shift, y - 1);
  paint.lineTo(left + 2 + shift, y - 2.6);
  paint.arc(left + 4.5 + shift, y - 2.6, 2.5, Math.PI, 0);
  if (lock === 'closed') paint.lineTo(left + 7, y - 1);
  paint.stroke();
}

function overlap(a: Spot, b: Spot): boolean {
  return Math.abs(a.y - b.y) < height + 3 && Math.abs(a.x - b.x) < (a.width + b.width) / 2 + 3;
}
