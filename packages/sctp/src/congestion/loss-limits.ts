/**
 * How much loss means "too much on the way" and how much is mere bad luck.
 *
 * draft-ietf-ccwg-bbr takes any loss above 2 % of the flight for congestion (section 2.8,
 * LossThresh), so a radio link that loses 2 % at random, or 1 % in bursts, crosses it every other
 * round and is given up. But loss by congestion comes with a queue, except where buffers are so
 * short that sending too much loses far more than 2 %: 1.25 times the rate loses a fifth. So with a
 * queue the draft's threshold holds, give or take one standard deviation; without, the limit is what
 * 2 % of bursty loss does by chance.
 *
 * And a queue that overflows under paced packets loses one here and one there. A receiver that stood
 * still for longer than its socket's buffer lasts (Chromium's holds 57 packets, 7 ms at 100 Mbit/s) loses
 * many in one run, and the standstill looks like a queue besides. The draft asks for six runs while it
 * starts (section 5.3.1.3); here they are asked for always, of small flights fewer.
 */

const LOSS_SHARE = 0.02;
/** Lost in a row, when bursts on a radio link do it. */
const BURST_PACKETS = 4;
/** Three standard deviations: one round in hundreds. */
const CHANCE_DEVIATIONS = 3;

/** BBR.StartupFullLossCnt: a burst that hits a few packets is neither a full pipe nor too much sent. */
export const FULL_LOSS_RUNS = 6;
/** Of a small flight fewer packets are lost: one run for so many packets. */
const PACKETS_PER_RUN = 16;

export interface FlightLoss {
  readonly flightBytes: number;
  readonly lostBytes: number;
  /** Neighbours that were lost together count once. */
  readonly lossRuns: number;
}

/** Whether so much was lost of a flight that its size is called too large. */
export function isLossTelling(
  { flightBytes, lostBytes, lossRuns }: FlightLoss,
  packetBytes: number,
  hasQueue: boolean,
): boolean {
  const runs = Math.min(FULL_LOSS_RUNS, flightBytes / packetBytes / PACKETS_PER_RUN);
  if (lossRuns < runs) return false;
  return lostBytes > tolerableLossBytes(flightBytes, packetBytes, hasQueue);
}

function tolerableLossBytes(flightBytes: number, packetBytes: number, hasQueue: boolean): number {
  const expected = (LOSS_SHARE * flightBytes) / packetBytes;
  const packets = hasQueue
    ? 1 + expected + Math.sqrt(expected)
    : expected + CHANCE_DEVIATIONS * Math.sqrt(expected * BURST_PACKETS);
  return packets * packetBytes;
}
