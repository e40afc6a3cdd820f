// The import lanes: who may import whom. A lane says everything its files may reach; the rest is an error.

const tests = '^(test|e2e|bench|examples|scripts)/';
const browserEntries = '^src/(index|core|legacy)\\.ts$';
/** Node's own modules, which are reported without their `node:`. */
const builtins = '^(node:)?[a-z_/0-9]+$';
const nodeEntries = '^src/(index|core)\\.node\\.ts$';

/** A lane as a rule: files of `from` import nothing but `to`; `types` may be imported as types besides. */
function lane(name, from, to, types) {
  const values = {
    name: `lane-${name}`,
    severity: 'error',
    comment: `${name}: an import outside its lane (see "Import lanes" in CONTRIBUTING.md)`,
    from: { path: from },
    to: { pathNot: to, ...(types ? { dependencyTypesNot: ['type-only'] } : {}) },
  };
  if (!types) return [values];
  return [
    values,
    {
      ...values,
      name: `lane-${name}-types`,
      to: { pathNot: [...to, ...types], dependencyTypes: ['type-only'] },
    },
  ];
}

module.exports = {
  forbidden: [
    { name: 'no-circular', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'no-orphans',
      severity: 'error',
      comment: 'A file that nobody imports and that is no entry is left over.',
      from: {
        orphan: true,
        path: '^src/',
        // The build puts it in the place of a global's name.
        pathNot: [
          browserEntries,
          nodeEntries,
          '^src/(adapters|protocols)/',
          '^src/runtime/legacy-bytes\\.ts$',
          '\\.d\\.ts$',
        ],
      },
      to: {},
    },
    { name: 'no-unresolved', severity: 'error', from: {}, to: { couldNotResolve: true } },
    {
      name: 'no-undeclared',
      severity: 'error',
      comment: 'Not in package.json, or only a development dependency of what is published.',
      from: { path: '^src/' },
      to: { dependencyTypes: ['npm-dev', 'npm-no-pkg', 'npm-unknown'], dependencyTypesNot: ['type-only'] },
    },
    { name: 'src-not-tests', severity: 'error', from: { path: '^src/' }, to: { path: tests } },
    {
      name: 'client-not-server',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/server/' },
      to: { path: '^src/server/' },
    },
    {
      name: 'browser-not-node',
      severity: 'error',
      comment: 'What a page loads never reaches the files and packages that only Node needs.',
      from: { path: browserEntries },
      to: {
        path: ['^node:', '^src/runtime/node\\.ts$', '\\.node\\.ts$', 'node_modules/ws/'],
        reachable: true,
      },
    },
    {
      name: 'polyfill-in-legacy-only',
      severity: 'error',
      comment: 'A current browser has an EventSource of its own.',
      from: { path: '^src/(index|core)\\.ts$' },
      to: { path: 'node_modules/event-source-polyfill/', reachable: true },
    },
    ...lane('core', '^src/core/', ['^src/core/']),
    ...lane(
      'protocols',
      '^src/protocols/',
      ['^src/protocols/', '^src/core/'],
      ['^src/adapters/(adapter|answer)\\.ts$'],
    ),
    ...lane(
      'adapters',
      '^src/adapters/(?!(adapter|answer)\\.ts$)',
      [
        '^src/adapters/(adapter|answer|exchange|guard|polling|request|uplink)\\.ts$',
        '^src/core/errors\\.ts$',
      ],
      ['^src/core/', '^src/runtime/runtime\\.ts$'],
    ),
    ...lane(
      'adapter-interface',
      '^src/adapters/(adapter|answer)\\.ts$',
      ['^src/adapters/answer\\.ts$', '^src/core/errors\\.ts$'],
      ['^src/core/', '^src/runtime/runtime\\.ts$'],
    ),
    ...lane(
      'runtime',
      '^src/runtime/(?!(node|legacy)\\.ts$)',
      ['^src/runtime/(?!node\\.ts$)'],
      ['^src/core/'],
    ),
    ...lane(
      'runtime-legacy',
      '^src/runtime/legacy\\.ts$',
      ['^src/runtime/(?!node\\.ts$)', 'node_modules/(@types/)?event-source-polyfill/'],
      ['^src/core/'],
    ),
    ...lane(
      'runtime-node',
      '^src/runtime/node\\.ts$',
      ['^src/runtime/', '^src/protocols/sse\\.ts$', builtins, 'node_modules/(@types/)?ws/'],
      ['^src/core/'],
    ),
    ...lane('driver', '^src/driver\\.ts$', ['^src/core/'], ['^src/']),
    ...lane('client', '^src/client\\.ts$', ['^src/(?!server/)', 'node_modules/mitt/']),
    ...lane('entries', [browserEntries, nodeEntries], ['^src/(?!server/)']),
    ...lane('server-core', '^src/server/core/', ['^src/server/core/', '^src/core/']),
    ...lane('server-brokers', '^src/server/brokers/', [
      '^src/server/(core|brokers)/',
      '^src/core/',
      builtins,
    ]),
    ...lane('server-node', '^src/server/node/', [
      '^src/server/(core|brokers|node)/',
      '^src/core/',
      builtins,
      'node_modules/(@types/)?ws/',
    ]),
    ...lane('server-index', '^src/server/index\\.ts$', ['^src/server/', '^src/core/']),
    {
      name: 'mitt-in-client-only',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/client\\.ts$' },
      to: { path: 'node_modules/mitt/' },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^(dist|coverage|test-results)/' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['types', 'node', 'import', 'default'],
      mainFields: ['types', 'module', 'main'],
    },
  },
};
