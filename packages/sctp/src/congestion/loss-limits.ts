/**
 * How much loss means "too much on the way" and how much is mere bad luck.
 *
 * draft-ietf-ccwg-bbr takes any loss above 2 % of the flight for congestion (section 2.8,
 * LossThresh), so a radio link that loses 2 % at random, or 1 % in bursts, crosses it every other
 * round and is given up. But loss by congestion comes with a queue, except where buffers are so
 * short that sending too much loses far more than 2 %: 1.25 times the rate loses a fifth. So with a
 * queue the draft's threshold holds, give or take one standard deviation; without, the limit is what
 * 2 % of bursty loss does by chance.
 */

const LOSS_SHARE = 0.02;
/** Lost in a row, when bursts on a radio link do it. */
const BURST_PACKETS = 4;
/** Three standard deviations: one round in hundreds. */
const CHANCE_DEVIATIONS = 3;

/** Bytes that may be lost of a flight before its size is called too large. */
export function tolerableLossBytes(
  flightBytes: number,
  packetBytes: number,
  hasQueue: boolean,
): number {
  const expected = (LOSS_SHARE * flightBytes) / packetBytes;
  const packets = hasQueue
    ? 1 + expected + Math.sqrt(expected)
    : expected + CHANCE_DEVIATIONS * Math.sqrt(expected * BURST_PACKETS);
  return packets * packetBytes;
}
