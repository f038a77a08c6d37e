// How the canvas paints nodes and edges, in the colours of the current theme.
// Many edges are drawn straight: curves cost several times as much, and nobody tells them apart in a dense picture.
import type { StylesheetStyle } from 'cytoscape';
import { colour } from './theme.ts';

export const fontFamily = 'system-ui, -apple-system, "Segoe UI", Roboto, sans-serif';

export interface Scale {
  /** Thousands of edges. */
  readonly isLarge: boolean;
  /** A phone, where all must be small to fit: all but the names. */
  readonly isNarrow: boolean;
}

export function painting({ isLarge, isNarrow }: Scale): StylesheetStyle[] {
  return [...nodePainting(isNarrow ? 20 : 12), ...edgePainting(isLarge)];
}

function nodePainting(fontSize: number): StylesheetStyle[] {
  const [ink, muted, back] = [colour('ink'), colour('muted'), colour('back')];
  return [
    {
      selector: 'node',
      style: {
        label: 'data(label)',
        color: ink,
        'font-family': fontFamily,
        'font-size': fontSize,
        'min-zoomed-font-size': 8,
        'text-valign': 'bottom',
        'text-margin-y': 6,
        'text-background-color': back,
        'text-background-opacity': 0.75,
        'text-background-padding': '1px',
        'text-wrap': 'ellipsis',
        'text-max-width': '130px',
        width: 34,
        height: 34,
        'border-width': 2,
        'background-color': colour('workload-fill'),
        'border-color': colour('workload'),
      },
    },
    { selector: '.workload', style: { shape: 'round-rectangle' } },
    {
      selector: '.service',
      style: { shape: 'ellipse', width: 28, height: 28, 'background-color': colour('service-fill'), 'border-color': colour('service') },
    },
    {
      selector: '.waypoint',
      style: {
        shape: 'round-diamond',
        width: 42,
        height: 42,
        'background-color': colour('waypoint-fill'),
        'border-color': colour('waypoint'),
      },
    },
    { selector: '.unknown', style: { shape: 'ellipse', 'border-style': 'dashed', 'background-color': back, 'border-color': muted } },
    { selector: '.bare', style: { 'border-style': 'dashed' } },
    {
      selector: '.namespace',
      style: {
        shape: 'round-rectangle',
        'background-color': colour('group'),
        'background-opacity': 1,
        'border-width': 1,
        'border-color': colour('line'),
        padding: '26px',
        'text-valign': 'top',
        'text-margin-y': -6,
        'text-background-opacity': 0,
        'text-max-width': '400px',
        color: muted,
        'font-weight': 600,
      },
    },
    { selector: 'node.focused', style: { 'underlay-color': colour('accent'), 'underlay-opacity': 0.45, 'underlay-padding': 8 } },
    { selector: 'node.selected', style: { 'border-width': 4, 'border-color': colour('accent') } },
  ];
}

function edgePainting(isLarge: boolean): StylesheetStyle[] {
  return [
    {
      selector: 'edge',
      style: {
        width: 'data(width)',
        'curve-style': isLarge ? 'straight' : 'bezier',
        'control-point-step-size': 36,
        'target-arrow-shape': 'triangle',
        'arrow-scale': 0.8,
        opacity: isLarge ? 0.4 : 0.9,
        'line-color': colour('mtls-line'),
        'target-arrow-color': colour('mtls-line'),
      },
    },
    line('.lock-none', 'unknown-line', 'dotted'),
    line('.lock-open', 'clear-line', 'dashed'),
    line('.denied', 'denied', 'solid'),
    { selector: 'edge.denied', style: { 'z-index': 2, opacity: 1 } },
    { selector: 'edge.idle', style: { opacity: 0.35 } },
    { selector: '.faded', style: { opacity: 0.15 } },
    {
      selector: 'edge.selected',
      style: { opacity: 1, 'z-index': 3, 'underlay-color': colour('accent'), 'underlay-opacity': 0.4, 'underlay-padding': 5 },
    },
  ];
}

function line(selector: string, name: string, style: 'solid' | 'dashed' | 'dotted'): StylesheetStyle {
  const painted = colour(name);
  return { selector: `edge${selector}`, style: { 'line-color': painted, 'target-arrow-color': painted, 'line-style': style } };
}
