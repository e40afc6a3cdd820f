/**
 * One half of a scenario in a process of its own: words come in as lines of JSON, their answers go out as such. The process is to end
 * by itself once there will be no more words.
 */
import { createInterface } from 'node:readline';

async function answered(words, { word, args }) {
  try {
    return { value: await words[word](...args) };
  } catch (error) {
    return { error: String(error) };
  }
}

export function listen(words) {
  createInterface({ input: process.stdin }).on('line', async (line) => {
    const asked = JSON.parse(line);
    process.stdout.write(`${JSON.stringify({ id: asked.id, ...(await answered(words, asked)) })}\n`);
  });
}
