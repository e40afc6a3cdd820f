/**
 * A page in an engine that has ES5 and not one thing more: a context of its own from which all that came later is taken, with a
 * request object as Internet Explorer 9 has it and just enough of a document. For the script for old browsers.
 */
import { type ClientRequest, request } from 'node:http';
import { type Context, createContext, runInContext } from 'node:vm';

/** The globals and members of ECMAScript 5.1, section 15. */
const es5: Readonly<Record<string, string>> = {
  '': 'NaN Infinity undefined eval parseInt parseFloat isNaN isFinite decodeURI decodeURIComponent encodeURI encodeURIComponent Object Function Array String Boolean Number Date RegExp Error EvalError RangeError ReferenceError SyntaxError TypeError URIError Math JSON',
  Object:
    'length name prototype getPrototypeOf getOwnPropertyDescriptor getOwnPropertyNames create defineProperty defineProperties seal freeze preventExtensions isSealed isFrozen isExtensible keys',
  'Object.prototype':
    'constructor toString toLocaleString valueOf hasOwnProperty isPrototypeOf propertyIsEnumerable __proto__ __defineGetter__ __defineSetter__ __lookupGetter__ __lookupSetter__',
  // Without `bind`, which WebKit 534 lacks.
  'Function.prototype': 'length name arguments caller constructor toString apply call',
  Array: 'length name prototype isArray',
  'Array.prototype':
    'length constructor toString toLocaleString concat join pop push reverse shift slice sort splice unshift indexOf lastIndexOf every some forEach map filter reduce reduceRight',
  String: 'length name prototype fromCharCode',
  'String.prototype':
    'length constructor toString valueOf charAt charCodeAt concat indexOf lastIndexOf localeCompare match replace search slice split substr substring toLowerCase toLocaleLowerCase toUpperCase toLocaleUpperCase trim',
  Number: 'length name prototype MAX_VALUE MIN_VALUE NaN NEGATIVE_INFINITY POSITIVE_INFINITY',
  Math: 'E LN10 LN2 LOG2E LOG10E PI SQRT1_2 SQRT2 abs acos asin atan atan2 ceil cos exp floor log max min pow random round sin sqrt tan',
  Date: 'length name prototype parse UTC now',
};

const takeAway = `(function (es5) {
  Object.keys(es5).sort().reverse().forEach(function (path) {
    var owner = path.split('.').reduce(function (at, name) { return name ? at[name] : at; }, this);
    var kept = es5[path].split(' ');
    Object.getOwnPropertyNames(owner).forEach(function (name) {
      if (kept.indexOf(name) < 0) delete owner[name];
    });
  }, this);
})`;

/** Text comes at the end alone, and there are no progress events: the least that any engine does. */
class OldRequest {
  readyState = 0;
  status = 0;
  responseText = '';
  withCredentials = false;
  onreadystatechange: (() => void) | undefined;
  onload: (() => void) | undefined;
  onerror: (() => void) | undefined;
  onabort: (() => void) | undefined;
  #method = 'GET';
  #url = '';
  #headers: Record<string, string> = {};
  #answered: Record<string, unknown> = {};
  #request: ClientRequest | undefined;

  open(method: string, url: string): void {
    this.#method = method;
    this.#url = url;
  }

  setRequestHeader(name: string, value: string): void {
    this.#headers[name] = value;
  }

  getResponseHeader(name: string): string | null {
    return (this.#answered[name.toLowerCase()] as string | undefined) ?? null;
  }

  abort(): void {
    this.#request?.destroy();
  }

  send(body?: string): void {
    const options = { method: this.#method, headers: this.#headers, agent: false };
    this.#request = request(this.#url, options, (response) => {
      response.setEncoding('utf8');
      response.on('data', (text: string) => {
        this.responseText += text;
      });
      response.on('error', () => this.onerror?.());
      response.on('end', () => {
        this.status = response.statusCode ?? 0;
        this.#answered = response.headers;
        this.readyState = 4;
        this.onreadystatechange?.();
        this.onload?.();
      });
    });
    this.#request.on('error', () => this.onerror?.());
    this.#request.end(body);
  }
}

const nothing = (): void => {};
const document = {
  readyState: 'complete',
  addEventListener: nothing,
  removeEventListener: nothing,
  createElement: () => ({
    href: '',
    cloneNode() {
      return { href: this.href, host: /^https?:\/\/([^/]+)/.exec(this.href)?.[1] ?? '' };
    },
  }),
};

/** Everything that can be reached from the global object, a line each. */
function inventory(world: Context): string[] {
  return (
    runInContext(
      `(function (root) {
      var seen = [], lines = [];
      (function visit(value, path) {
        if ((typeof value !== 'object' && typeof value !== 'function') || value === null || seen.indexOf(value) >= 0) return;
        seen.push(value);
        Object.getOwnPropertyNames(value).sort().forEach(function (name) {
          var found = Object.getOwnPropertyDescriptor(value, name);
          lines.push(path + name + ' ' + typeof found.value);
          if ('value' in found) visit(found.value, path + name + '.');
        });
      })(root, '');
      return lines.join();
    })(this)`,
      world,
    ) as string
  ).split(',');
}

export interface Es5World {
  run(code: string): unknown;
  /** What can be reached from the global object. */
  inventory(): string[];
}

export function createEs5World(): Es5World {
  const host = { document, XMLHttpRequest: OldRequest, setTimeout, clearTimeout };
  const world = createContext({});
  (runInContext(takeAway, world) as (kept: typeof es5) => void)(es5);
  Object.assign(world, host, { addEventListener: nothing, removeEventListener: nothing });
  runInContext('this.window = this.self = this', world);
  return {
    run: (code) => runInContext(code, world),
    inventory: () => inventory(world),
  };
}
