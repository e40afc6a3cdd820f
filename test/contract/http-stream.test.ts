import { httpStream } from '../../src/adapters/http-stream.ts';
import { httpAnswers } from './http.contract.ts';
import { laws, type Subject } from './laws.contract.ts';
import { uplinks } from './uplink.contract.ts';

const subject: Subject = {
  name: 'http-stream',
  factory: httpStream(),
  runsHere: true,
  request: (url) => ({
    url,
    method: 'POST',
    headers: { accept: 'application/x-ndjson', 'content-type': 'text/plain;charset=UTF-8' },
    body: '{"open":1}\n',
    credentials: 'same-origin',
  }),
  orderlyEnd: 'closed',
  tellsFailure: true,
  thrown: 'failed',
  broken: (platform) => ({
    ...platform,
    fetch: () => {
      throw new Error('forbidden');
    },
  }),
};

laws(subject);
httpAnswers(subject);
uplinks(subject);
