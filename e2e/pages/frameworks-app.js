/** An application as its framework's users write it: a client at module level, a hook on its status, an effect that subscribes. */
import { createClient } from 'holdfast';
import { createElement, useEffect, useState, useSyncExternalStore } from 'react';

/** On a server as in a page: it does nothing until something is wanted. */
export const client = createClient('/realtime');

/** How often the effect below was run and undone: twice and once where the framework checks its users. */
export const effects = { run: 0, undone: 0 };

function useStatus() {
  const subscribe = (changed) => client.on('status', changed);
  const look = () => client.status.state;
  return useSyncExternalStore(subscribe, look, look);
}

function Prices() {
  const [prices, setPrices] = useState([]);
  useEffect(() => {
    effects.run++;
    const subscription = client.subscribe('prices', ({ data }) => setPrices((former) => [...former, data]));
    return () => {
      effects.undone++;
      subscription.unsubscribe();
    };
  }, []);
  return createElement('p', { id: 'prices' }, prices.join(' '));
}

export function App() {
  const state = useStatus();
  return createElement('main', null, createElement('p', { id: 'state' }, state), createElement(Prices));
}
