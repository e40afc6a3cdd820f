// The rules about the text of the source, as functions from text to findings. They know no folder and read no file:
// `tree.test.ts` applies them to the tree, `rules.test.ts` to text that must be flagged.

import ts from 'typescript';

/** One place that breaks a rule, and what to do instead. */
export interface Finding {
  readonly line: number;
  readonly message: string;
}

export type Rule = (text: string) => readonly Finding[];

type Visit = (node: ts.Node, isAtLoad: boolean) => string | undefined;

/** Code below one of these runs when it is called, not when the module loads. */
function isDeferred(node: ts.Node): boolean {
  return ts.isFunctionLike(node) && !isCalledAtOnce(node);
}

/** The expression inside any number of parentheses. */
function bare(node: ts.Expression): ts.Expression {
  return ts.isParenthesizedExpression(node) ? bare(node.expression) : node;
}

function isCalledAtOnce(node: ts.Node): boolean {
  let outer = node.parent;
  while (ts.isParenthesizedExpression(outer)) outer = outer.parent;
  return ts.isCallExpression(outer) && bare(outer.expression) === node;
}

/** Walks a source and collects what `visit` says of each node. */
function walk(text: string, visit: Visit): readonly Finding[] {
  const source = ts.createSourceFile('source.ts', text, ts.ScriptTarget.Latest, true, ts.ScriptKind.TS);
  const findings: Finding[] = [];
  const enter = (node: ts.Node, isAtLoad: boolean): void => {
    const message = visit(node, isAtLoad);
    if (message !== undefined) {
      const { line } = source.getLineAndCharacterOfPosition(node.getStart(source));
      findings.push({ line: line + 1, message });
    }
    const isChildAtLoad = isAtLoad && !isDeferred(node);
    ts.forEachChild(node, (child) => enter(child, isChildAtLoad));
  };
  enter(source, true);
  return findings;
}

function hasModifier(node: ts.Node, kind: ts.SyntaxKind): boolean {
  return (
    ts.canHaveModifiers(node) && (ts.getModifiers(node) ?? []).some((modifier) => modifier.kind === kind)
  );
}

/** True for a name that is read: neither declared here, nor a property, nor a label of an import or export. */
function isRead(node: ts.Identifier): boolean {
  const { parent } = node;
  if (ts.isPropertyAccessExpression(parent)) return parent.expression === node;
  if (ts.isQualifiedName(parent)) return parent.left === node;
  if (ts.isShorthandPropertyAssignment(parent)) return true;
  if (ts.isPropertyAssignment(parent)) return parent.initializer === node;
  if (ts.isBindingElement(parent)) return parent.initializer === node;
  if (ts.isImportSpecifier(parent) || ts.isExportSpecifier(parent) || ts.isImportClause(parent)) return false;
  if (ts.isJsxAttribute(parent) || ts.isLabeledStatement(parent)) return false;
  const declared = parent as ts.Node & { readonly name?: ts.Node };
  return declared.name !== node;
}

const clock = 'time comes in with each input';
const timer = 'set a deadline in the table of core/deadlines.ts';
const later = 'the core is called and returns; what comes later is another input';
const outside = 'the core reaches nothing outside; return an effect, or take a value with the input';

/** Names that neither core may read, and what to use instead. */
const impureNames: ReadonlyMap<string, string> = new Map([
  ...['Date', 'performance'].map((name) => [name, clock] as const),
  ...['setTimeout', 'setInterval', 'setImmediate', 'clearTimeout', 'clearInterval', 'queueMicrotask'].map(
    (name) => [name, timer] as const,
  ),
  ['requestAnimationFrame', timer],
  ['crypto', 'ids and keys are made by the runtime and come in with an input'],
  ['require', 'import it, in the lane of the core'],
  ...[
    ...[
      'globalThis',
      'window',
      'document',
      'navigator',
      'location',
      'console',
      'process',
      'Buffer',
      'global',
    ],
    ...['fetch', 'XMLHttpRequest', 'WebSocket', 'EventSource', 'AbortController', 'AbortSignal', 'Worker'],
    ...['localStorage', 'sessionStorage', 'indexedDB', 'BroadcastChannel', 'structuredClone'],
  ].map((name) => [name, outside] as const),
]);

/** No clock, randomness, timer or global: both cores. */
export const pure: Rule = (text) =>
  walk(text, (node) => {
    if (ts.isPropertyAccessExpression(node) && node.getText().replace(/\s/g, '') === 'Math.random') {
      return '`Math.random`: draw from the seeded generator in the record';
    }
    if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) {
      return '`import()`: import it at the head of the file';
    }
    if (!ts.isIdentifier(node) || !isRead(node)) return undefined;
    const instead = impureNames.get(node.text);
    return instead === undefined ? undefined : `\`${node.text}\`: ${instead}`;
  });

/** Nothing that comes later: the core of the client. */
export const synchronous: Rule = (text) =>
  walk(text, (node) => {
    if (hasModifier(node, ts.SyntaxKind.AsyncKeyword)) return `\`async\`: ${later}`;
    if (ts.isAwaitExpression(node)) return `\`await\`: ${later}`;
    if (ts.isIdentifier(node) && node.text === 'Promise' && isRead(node)) return `\`Promise\`: ${later}`;
    return undefined;
  });

const atLoadNames = new Set([
  'Map',
  'Set',
  'WeakMap',
  'WeakSet',
  'WeakRef',
  'Symbol',
  'Proxy',
  'Reflect',
  'BigInt',
]);

/** True where an array literal is the target of an assignment: `[a, b] = c`. */
function isArrayTarget(node: ts.Node): boolean {
  return (
    ts.isBinaryExpression(node) &&
    node.operatorToken.kind === ts.SyntaxKind.EqualsToken &&
    ts.isArrayLiteralExpression(bare(node.left))
  );
}

function isGenerator(node: ts.Node): boolean {
  return (
    (ts.isFunctionDeclaration(node) || ts.isFunctionExpression(node) || ts.isMethodDeclaration(node)) &&
    node.asteriskToken !== undefined
  );
}

function isExtends(node: ts.Node): boolean {
  return (
    ts.isHeritageClause(node) && node.token === ts.SyntaxKind.ExtendsKeyword && ts.isClassLike(node.parent)
  );
}

/** Flags and groups of regular expressions that an ES5 engine cannot even parse. */
function isYoungPattern(node: ts.Node): boolean {
  if (!ts.isRegularExpressionLiteral(node)) return false;
  const end = node.text.lastIndexOf('/');
  return /[^gim]/.test(node.text.slice(end + 1)) || /\(\?<|\\p\{/.test(node.text.slice(0, end));
}

/** Syntax that costs an ES5 build a run-time it does not have: everything but the hub. */
export const portable: Rule = (text) =>
  walk(text, (node, isAtLoad) => {
    if (hasModifier(node, ts.SyntaxKind.AsyncKeyword)) return '`async`: return a promise made by `then`';
    if (ts.isAwaitExpression(node)) return '`await`: chain by `then`';
    if (isGenerator(node)) return 'generator: return an object with `next`';
    if (ts.isForOfStatement(node)) return '`for...of`: use `for (let i = 0; ...)` or `forEach`';
    if (ts.isArrayBindingPattern(node) || isArrayTarget(node)) return 'array destructuring: read by index';
    if (ts.isSpreadElement(node)) return 'spread of an iterable: use `concat`, `slice` or `apply`';
    if (isExtends(node)) return '`class ... extends`: use a function that returns an object';
    if (ts.isPrivateIdentifier(node)) return '`#private`: keep it in a closure';
    if (ts.isBigIntLiteral(node)) return 'BigInt literal: use a number or a string of digits';
    if (isYoungPattern(node))
      return 'regular expression: only the flags g, i, m, no named group, no look-behind';
    if (isAtLoad && ts.isIdentifier(node) && atLoadNames.has(node.text) && isRead(node) && !isType(node)) {
      return `\`${node.text}\` while the module loads: make it inside a function, or use a plain object`;
    }
    return undefined;
  });

/** True where a name stands in a type and is gone after compilation. */
function isType(node: ts.Node): boolean {
  for (let outer = node.parent; outer; outer = outer.parent) {
    if (ts.isTypeNode(outer) || ts.isInterfaceDeclaration(outer) || ts.isTypeAliasDeclaration(outer))
      return true;
    if (ts.isStatement(outer) || ts.isExpressionStatement(outer)) return false;
  }
  return false;
}

/** A rule that is a pattern, looked for line by line. */
function lineRule(pattern: RegExp, message: string): Rule {
  return (text) =>
    text
      .split('\n')
      .flatMap((content, index) => (pattern.test(content) ? [{ line: index + 1, message }] : []));
}

// The words are put together here, so that this file does not break its own rules.
const reminders = ['TO' + 'DO', 'FIX' + 'ME', 'X' + 'XX'].join('|');
const hosts = [
  'registry' + '\\.[a-z0-9-]+\\.[a-z]{2,}',
  'npm' + 'mirror',
  'arti' + 'factory',
  'verd' + 'accio',
].join('|');
const homes = [
  '/wo' + 'rk/',
  '/ho' + 'me/\\w',
  '/Us' + 'ers/\\w',
  '/ro' + 'ot/',
  '[A-Z]:\\\\Us' + 'ers',
].join('|');

export const noReminders: Rule = lineRule(
  new RegExp(`\\b(${reminders})\\b`),
  'a reminder: do it, or open an issue',
);
export const noOnly: Rule = lineRule(
  new RegExp('\\b(it|test|describe|suite)(\\.\\w+)*\\.on' + 'ly\\b'),
  'a test that runs alone hides the others',
);
export const noMachine: Rule = lineRule(
  new RegExp(`(^|[\\s"'\`(=:])(file://)?(${homes})`),
  'a path of one machine: derive it from `import.meta.url`',
);
export const noRegistry: Rule = lineRule(
  new RegExp(hosts, 'i'),
  'the host of a package registry: name the package',
);
export const noResolved: Rule = lineRule(
  /"resolved":\s*"http/,
  'an address in the lockfile: install without it',
);

/** A suppression that does not say why on its own line. */
export const reasoned: Rule = (text) =>
  text.split('\n').flatMap((content, index) => {
    const line = index + 1;
    if (new RegExp('@ts-(igno' + 're|noch' + 'eck)').test(content)) {
      return [{ line, message: 'use `@ts-expect-error` with a reason' }];
    }
    const marker = new RegExp('(@ts-expect-err' + 'or|v8 igno' + 're)(.*)').exec(content);
    const words = (marker?.[2] ?? '').replace(/next|start|stop|if|else|file|@preserve|\*\/|\d/g, '');
    const isClosing = content.includes('v8 igno' + 're stop');
    return marker && !isClosing && !/\w{3}/.test(words)
      ? [{ line, message: 'a suppression without its reason' }]
      : [];
  });

export function linesOf(text: string): number {
  return text.split('\n').length - (text.endsWith('\n') ? 1 : 0);
}
