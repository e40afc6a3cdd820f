// Every suite's file, by name, in the order in which they run. Each exports
//   title, about       what it measures, in words
//   metrics            name -> { title, unit, digits, isLessBetter }
//   contenders(isFull) [{ name, peer, options, isBase }]: who is measured; the base is what ratios are to
//   rows(isFull)       [{ name, only, … }]: how; `only` names the contenders of a row that is not for all
//   server(peer, options), clients(peer, options): the commands of either process; without them there are none
//   measure(pair, row, contender) -> { metric: value, … }, and `plots` for the report; it throws where something is missing
//   isFresh            new processes for every measurement
//   roundsMax          of the suite, or of a row: more would say no more
//   timeline           what its plots of that name show

export const suites = {
  size: () => import('../speed/size.mjs'),
  connect: () => import('../speed/connect.mjs'),
  recovery: () => import('../speed/recovery.mjs'),
  throughput: () => import('../speed/throughput.mjs'),
  'fan-out': () => import('../speed/fan-out.mjs'),
  sends: () => import('../speed/sends.mjs'),
  memory: () => import('../speed/memory.mjs'),
  resume: () => import('../speed/resume.mjs'),
  herd: () => import('../speed/herd.mjs'),
  topics: () => import('../speed/topics.mjs'),
};
