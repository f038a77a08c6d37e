// The part of the WebAssembly interface that the plugin host uses: TypeScript declares it for browsers only.

declare namespace WebAssembly {
  interface ImportDescriptor {
    readonly module: string;
    readonly name: string;
    readonly kind: 'function' | 'global' | 'memory' | 'table' | 'tag';
  }

  type ImportFunction = (...values: never[]) => number | undefined;

  interface Module {
    readonly [Symbol.toStringTag]: 'WebAssembly.Module';
  }
  const Module: { imports(module: Module): ImportDescriptor[] };

  class Memory {
    readonly buffer: ArrayBuffer;
  }

  class Instance {
    readonly exports: Readonly<Record<string, unknown>>;
    constructor(module: Module, imports: Readonly<Record<string, Readonly<Record<string, ImportFunction>>>>);
  }

  function validate(bytes: Uint8Array<ArrayBuffer>): boolean;
  function compile(bytes: Uint8Array<ArrayBuffer>): Promise<Module>;
}
