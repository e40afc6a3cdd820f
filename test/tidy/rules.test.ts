// Each rule is shown what it must flag and what it must let through.

import { describe, expect, it } from 'vitest';
import {
  linesOf,
  noMachine,
  noOnly,
  noRegistry,
  noReminders,
  noResolved,
  portable,
  pure,
  type Rule,
  reasoned,
  synchronous,
} from './rules.ts';

interface Samples {
  readonly rule: Rule;
  readonly flagged: readonly string[];
  readonly clean: readonly string[];
}

const samples: Readonly<Record<string, Samples>> = {
  pure: {
    rule: pure,
    flagged: [
      'const now = Date.now();',
      'const d = new Date();',
      'const r = Math.random();',
      'setTimeout(f, 1);',
      'export const f = () => globalThis;',
      'if (typeof window === "object") f();',
      'console.log(1);',
      'const host = { process };',
      'const t = performance.now();',
      'const m = await import("node:fs");',
      'type H = typeof document;',
    ],
    clean: [
      'const a = b.window;',
      'interface A { document: string }',
      'const a = { Date: 1 };',
      'const { process: step } = a;',
      'Math.min(1, 2);',
      '// Date.now() is not here',
      'const text = "setTimeout";',
    ],
  },
  synchronous: {
    rule: synchronous,
    flagged: [
      'async function f() {}',
      'const f = async () => 1;',
      'const o = { async m() {} };',
      'await f();',
      'Promise.resolve();',
      'type P = Promise<void>;',
    ],
    clean: ['function f() { return 1; }', 'const o = { async: true };', 'interface O { Promise: 1 }'],
  },
  portable: {
    rule: portable,
    flagged: [
      'async function f() {}',
      'function* f() {}',
      'const o = { *m() {} };',
      'for (const a of b) f(a);',
      'const [a] = b;',
      'function f([a]: number[]) {}',
      '[a, b] = c;',
      'const a = [...b];',
      'f(...a);',
      'new F(...a);',
      'class A extends B {}',
      'class A { #a = 1; }',
      'const m = new Map();',
      'const o = { [Symbol.iterator]: f };',
      'const s = (() => new Set())();',
      'const w = new WeakMap<object, string>();',
      'const n = 1n;',
      'const r = /a/u;',
      'const r = /(?<year>a)/;',
    ],
    clean: [
      'const o = { ...a };',
      'const { a, ...rest } = b;',
      'function f(...rest: number[]) { return rest; }',
      'function f() { return new Map(); }',
      'const f = () => Symbol.iterator;',
      'let m: Map<string, number> | undefined;',
      'interface A extends B { s: Set<string> }',
      'const a = [1, 2];',
      'const r = /a/gi;',
      'const r = /(?:a)(?=b)/;',
    ],
  },
  noReminders: {
    rule: noReminders,
    flagged: ['// TO' + 'DO: later', '/* FIX' + 'ME */', '// X' + 'XX'],
    clean: ['const todo = 1;'],
  },
  noOnly: {
    rule: noOnly,
    flagged: ['it.on' + 'ly("a", f);', 'test.describe.on' + 'ly("a", f);'],
    clean: ['reader.only();', 'it("only", f);'],
  },
  noMachine: {
    rule: noMachine,
    flagged: ["read('/ho" + "me/ann/a')", 'file:///Us' + 'ers/ann'],
    clean: ["get('/realtime/home/1')", 'https://example.com/home/a', "'/usr/bin/chromium'"],
  },
  noRegistry: {
    rule: noRegistry,
    flagged: ['https://registry' + '.example.org/mitt', 'npm' + 'mirror'],
    clean: ['a registry of clients', 'registry.add(client)'],
  },
  noResolved: {
    rule: noResolved,
    flagged: ['  "resolved": "https://example.com/a.tgz",'],
    clean: ['  "version": "1.0.0",'],
  },
  reasoned: {
    rule: reasoned,
    flagged: [
      '// @ts-igno' + 're because',
      '// @ts-expect-err' + 'or',
      '/* v8 igno' + 're next -- @preserve */',
      '/* v8 igno' + 're if */',
    ],
    clean: [
      '// @ts-expect-err' + 'or: a topic must be a string',
      '/* v8 igno' + 're next -- @preserve: no engine reaches this */',
      '/* v8 igno' + 're stop */',
    ],
  },
};

describe.each(Object.entries(samples))('%s', (_, { rule, flagged, clean }) => {
  it.each(flagged)('flags %s', (text) => {
    expect(rule(text)).not.toEqual([]);
  });

  it.each(clean)('lets through %s', (text) => {
    expect(rule(text)).toEqual([]);
  });
});

it('tells the line and what to use instead', () => {
  expect(portable('f();\n\nfor (const a of b) f(a);\n')).toEqual([
    { line: 3, message: '`for...of`: use `for (let i = 0; ...)` or `forEach`' },
  ]);
});

it('counts lines as an editor does', () => {
  expect([linesOf('a\nb\n'), linesOf('a\nb')]).toEqual([2, 2]);
});
