// What a user gives us in files: read as a whole, and refused in one sentence when there is nothing to be read.
import { readFile } from 'node:fs/promises';
import { failure } from './failure.ts';

/** @throws MeshError `command.failed` */
export async function textOfFile(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (e) {
    throw failure(`the file ${path} cannot be read`, e);
  }
}

/** Undefined for what is no JSON. */
export function parsedJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
