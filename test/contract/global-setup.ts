/** Starts the stub server for a run of the contract suite and tells the tests where it is. */
import type { TestProject } from 'vitest/node';
import { type Stub, startStub } from './stub-server.ts';

declare module 'vitest' {
  export interface ProvidedContext {
    stub: Pick<Stub, 'url' | 'otherUrl' | 'controlUrl'>;
  }
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const stub = await startStub();
  const { url, otherUrl, controlUrl } = stub;
  project.provide('stub', { url, otherUrl, controlUrl });
  return () => stub.close();
}
