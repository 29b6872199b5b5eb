/**
 * Turns: tasks of one name run one after another, tasks of different names side by side.
 *
 * Joins and leaves of one socket keep their order this way, and what happens to one instance (a
 * join, a new key, its deletion) happens as a whole, although the store answers later.
 */

export type InTurn = <T>(name: string, task: () => Promise<T>) => Promise<T>;

export function createTurns(): InTurn {
  /** The last task of each name; an entry goes with its last task, so the map stays small. */
  const tails = new Map<string, Promise<unknown>>();

  return (name, task) => {
    const before = tails.get(name) ?? Promise.resolve();
    const mine = before.then(task, task);
    tails.set(name, mine);
    const tidy = () => {
      if (tails.get(name) === mine) tails.delete(name);
    };
    mine.then(tidy, tidy);
    return mine;
  };
}
