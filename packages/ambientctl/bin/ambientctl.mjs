#!/usr/bin/env node
// Starts ambientctl. Plain JavaScript so that an old Node can still say what is wrong, and so that the compile cache is on
// before the first TypeScript file is loaded: with it, types are stripped once per file and version instead of at every start.
import module from 'node:module';

const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
if (major < 26 || (major === 26 && minor < 9)) {
  process.stderr.write(`ambientctl needs Node 26.9 or newer; this is ${process.versions.node}.\n`);
  process.exit(1);
}
module.enableCompileCache();
await import('../src/main.ts');
