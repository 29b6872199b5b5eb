/** One line for each thing that was tried, and whether all of them held. */

export const say = (line: string): void => void process.stdout.write(`${line}\n`);

export class Report {
  failures = 0;

  /**
   * @param work throws what did not hold; what it returns is said beside the line.
   * @returns whether it held.
   */
  async check(what: string, work: () => Promise<unknown>): Promise<boolean> {
    const startedAt = performance.now();
    const told = (outcome: string, detail: unknown) => {
      const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
      say(`${outcome}  ${what} (${seconds} s)${detail === undefined ? "" : `: ${detail}`}`);
    };
    try {
      told("ok  ", await work());
      return true;
    } catch (thrown) {
      this.failures += 1;
      told("FAIL", thrown instanceof Error ? thrown.message : thrown);
      return false;
    }
  }
}

/** @throws if it does not hold. */
export function expect(holds: boolean, otherwise: string): asserts holds {
  if (!holds) throw new Error(otherwise);
}
