// Three test projects. `unit` needs no privilege; `kernel` needs root (it makes network namespaces of its own);
// `e2e` starts the real programs on the lab. A file's name says where it belongs.
import { defineConfig } from 'vitest/config';

const kernel = ['packages/**/*.kernel.test.ts'];
const e2e = ['e2e/**/*.test.ts'];

export default defineConfig({
  test: {
    pool: 'forks',
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: ['packages/**/*.test.ts', 'scripts/**/*.test.ts'],
          exclude: [...kernel, '**/node_modules/**'],
          // Some start helm, a compiler or threads, beside as many others as there are cores.
          testTimeout: 20_000,
        },
      },
      { extends: true, test: { name: 'kernel', include: kernel, testTimeout: 20_000 } },
      { extends: true, test: { name: 'e2e', include: e2e, testTimeout: 60_000, hookTimeout: 60_000, fileParallelism: false } },
    ],
  },
});
