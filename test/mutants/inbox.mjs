// Ways to break how the client takes in what connections bring: positions, duplicates, gaps, epochs, what is held back.
// Each must be caught by the simulator (`npm run mutants`); `list.mjs` says what the fields mean.

const inbox = 'src/core/inbox.ts';
const delivery = 'src/core/delivery.ts';
const offer = 'src/core/offer.ts';
const tidings = 'src/core/tidings.ts';

export const inboxMutants = [
  {
    name: 'progress raises subscriptions that the connection never confirmed',
    rule: 'D1',
    file: inbox,
    find: "    if (link?.state !== 'attached') continue;\n    const position = reception.position[subscription.partition] ?? -1;\n    if (position > highest)",
    replace:
      '    const position = reception.position[subscription.partition] ?? -1;\n    if (position > highest)',
  },
  {
    name: 'a connection that ends leaves its progress to subscriptions that it never confirmed',
    rule: 'D1',
    file: inbox,
    find: "    if (state !== 'attached') return;\n",
    replace: '',
  },
  {
    name: 'an open asks for the maximum of all positions',
    rule: 'D1',
    file: offer,
    find: 'if (lowest === undefined || link.start < lowest)',
    replace: 'if (lowest === undefined || link.start > lowest)',
    and: [{ file: offer, find: 'if (from === least[partition]) return topic;', replace: 'return topic;' }],
  },
  {
    name: 'the end of a gap covers all topics of its connection',
    rule: 'D1',
    file: delivery,
    find: '    tellGap(inbox, subscription, reached, offset, frame.reason);\n',
    replace:
      '    tellGap(inbox, subscription, reached, offset, frame.reason);\n    reach(reception, link.partition, offset);\n',
  },
  {
    name: 'a connection that starts beyond what was seen is attached',
    rule: 'D2',
    file: delivery,
    find: 'else if (link.start <= upto(inbox, subscription)) link.state =',
    replace: 'else if (link.start >= 0) link.state =',
  },
  {
    name: 'what is held back is dropped',
    rule: 'D2',
    file: delivery,
    find: "if (link.state === 'held') link.waiting.push({ frame, offset: place.offset });",
    replace: "if (link.state === 'held') return true;",
  },
  {
    name: 'what was held back comes out in the wrong order',
    rule: 'D2',
    file: delivery,
    find: '  const { subscription, waiting } = link;\n',
    replace: '  const { subscription, waiting } = link;\n  waiting.reverse();\n',
  },
  {
    name: 'a connection counts for a subscription before what it held back is out',
    rule: 'D2',
    file: delivery,
    find: '  subscription.own = Math.max(subscription.own, reached);\n  link.reason = undefined;',
    replace:
      "  subscription.own = Math.max(subscription.own, reached);\n  link.state = 'attached';\n  link.reason = undefined;",
  },
  {
    name: 'a connection that nobody can bridge is kept',
    rule: 'D2',
    file: delivery,
    find: 'isBridgeable = false;',
    replace: '',
  },
  {
    name: 'messages of a candidate are dropped',
    rule: 'D4',
    file: tidings,
    find: '      connection.brought = true;',
    replace: "      connection.brought = true;\n      if (connection.role === 'candidate') return true;",
  },
  {
    name: 'a gap is told although what it covers was seen',
    rule: 'D5',
    file: delivery,
    find: "  if (frame.type === 'gap') {\n    if (offset <= reached) return true;\n",
    replace: "  if (frame.type === 'gap') {\n",
  },
  {
    name: 'a gap is told although another connection can still bring what is missing',
    rule: 'D5',
    file: delivery,
    find: '    if (bridged(inbox, subscription, reception)) {\n      subscription.own = reached;',
    replace: '    if (inbox.version < 0) {\n      subscription.own = reached;',
  },
  {
    name: 'a gap that was waited with is never told',
    rule: 'D5',
    file: delivery,
    find: '          tellGap(inbox, subscription, reached, start, reason);\n',
    replace: '',
  },
  {
    name: 'duplicates are delivered',
    rule: 'D1',
    file: delivery,
    find: '  reach(reception, link.partition, offset);\n  if (offset <= reached) return true;',
    replace: '  reach(reception, link.partition, offset);',
  },
  {
    name: 'the message at the position itself is not a duplicate',
    rule: 'D1',
    file: delivery,
    find: '  reach(reception, link.partition, offset);\n  if (offset <= reached) return true;',
    replace: '  reach(reception, link.partition, offset);\n  if (offset < reached) return true;',
  },
  {
    name: 'positions are forgotten when a connection is lost',
    rule: 'D1',
    file: 'src/core/ending.ts',
    find: "  end(session, connection, why);\n  if (role === 'draining'",
    replace:
      "  end(session, connection, why);\n  for (const topic in session.inbox.subscriptions) session.inbox.subscriptions[topic].partition = -1;\n  if (role === 'draining'",
  },
  {
    name: 'bytes of a former log count',
    rule: 'D9',
    file: inbox,
    find: 'reception.epochs.length === inbox.epochs.length && reception.epochs[partition] === inbox.epochs[partition]',
    replace: 'reception.epochs.length === inbox.epochs.length',
  },
  {
    name: 'another log is not noticed',
    rule: 'D9',
    file: inbox,
    find: 'return epochs.length > 0 && epochs.join() !== inbox.epochs.join();',
    replace: 'return epochs.length > 0 && epochs.length !== inbox.epochs.length;',
  },
  {
    name: 'another log is no gap',
    rule: 'D9',
    file: delivery,
    find: "      if (moved) tellGap(inbox, subscription, own, link.start, 'epoch');\n",
    replace: '      if (moved) subscription.own = link.start;\n',
  },
  {
    name: 'the session moves to another log at the hello of any connection',
    rule: 'D9',
    file: 'src/core/proving.ts',
    find: "  if (connection.role === 'active') adopt(session, connection);\n  else considerPromotion(session, connection);",
    replace:
      "  delivery.adoptEpochs(box, reception);\n  if (connection.role === 'active') adopt(session, connection);\n  else considerPromotion(session, connection);",
  },
  {
    name: 'an upgrade into another log is taken while all is well',
    rule: 'D9',
    file: 'src/core/proving.ts',
    find: "if (candidate.purpose === 'upgrade' && (other || candidate.hello?.sends !== session.outbox.nonce)) {",
    replace: "if (candidate.purpose === 'nothing') {",
  },
  {
    name: 'ephemeral messages are taken from every connection, however often',
    rule: 'D13',
    file: delivery,
    find: 'if (active && newEphemeral(inbox, ephemeral))',
    replace: "if (ephemeral !== '')",
  },
  {
    name: 'ephemeral messages are not counted',
    rule: 'D13',
    file: delivery,
    find: 'if (active && newEphemeral(inbox, ephemeral))',
    replace: 'if (active)',
  },
  {
    name: 'a confirmation counts whatever request it answers',
    rule: 'D20',
    file: delivery,
    find: "if (link.request !== request || link.state !== 'asked') return true;",
    replace: "if (link.state !== 'asked') return true;",
  },
  {
    name: 'topics that the server put off are never asked for again',
    rule: 'D17',
    file: delivery,
    find: 'subscription.retryAt = now + answer.retryMs;',
    replace: 'subscription.retryAt = 1e15;',
  },
];
