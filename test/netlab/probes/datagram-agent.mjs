/**
 * Runs on a host of the lab, as a child process of the test: sends numbered datagrams at a steady
 * pace and notes what it receives, when, and from whom. datagrams.ts is the test's end.
 *
 *     0          4            12
 *     ┌──────────┬────────────┬──────────
 *     │ number   │ sent at ns │ zeros      big-endian
 *     └──────────┴────────────┴──────────
 *
 * All network namespaces of a machine share its clock, so one-way times are exact.
 * Plain JavaScript, because it is started by Node itself, some twenty times in a test run.
 */
import { createSocket } from "node:dgram";

const HEADER_BYTES = 12;
/** Sent in one turn when it is behind its pace: turns take up to 0.1 ms, and 10,000 a second is wanted. */
const AT_ONCE = 16;

/** @type {Map<number, import("node:dgram").Socket>} */
const sockets = new Map();
/** @type {import("./datagrams.ts").Arrival[]} */
let arrivals = [];

/** @param {import("./datagrams.ts").Order} order */
async function obey(order) {
  if (order.type === "open") return open(order.port, order.family);
  if (order.type === "send") return await send(order);
  const taken = arrivals;
  if (order.type === "forget") arrivals = [];
  return taken;
}

/**
 * @param {number} port
 * @param {"udp4" | "udp6"} family
 * @returns {Promise<number>}
 */
function open(port, family) {
  // A flood arrives faster than a busy machine lets us read; 4 MiB are 3,000 large datagrams.
  const socket = createSocket({ type: family, recvBufferSize: 4 * 1024 * 1024 });
  socket.on("message", (message, { address, port: from }) => {
    const atUs = Number(process.hrtime.bigint() / 1000n);
    const oneWayUs = atUs - Number(message.readBigUInt64BE(4) / 1000n);
    arrivals.push({
      number: message.readUInt32BE(0),
      atUs,
      oneWayUs,
      from: address,
      port: from,
      at: socket.address().port,
    });
  });
  return new Promise((resolve, reject) => {
    socket.once("error", reject);
    socket.bind(port, () => {
      sockets.set(socket.address().port, socket);
      resolve(socket.address().port);
    });
  });
}

/** @param {Extract<import("./datagrams.ts").Order, { type: "send" }>} order */
async function send({ from, to, port, count, perSecond, bytes, first }) {
  const socket = sockets.get(from);
  if (socket === undefined) throw new Error(`no socket has port ${from}`);
  const startedAt = process.hrtime.bigint();
  const gapNs = 1e9 / perSecond;
  for (let index = 0; index < count; index++) {
    // Also when it is late, so that what it has sent leaves.
    do await new Promise((resolve) => setImmediate(resolve));
    while (Number(process.hrtime.bigint() - startedAt) < index * gapNs);
    const isDue = () => Number(process.hrtime.bigint() - startedAt) >= (index + 1) * gapNs;
    sendOne(first + index);
    for (let more = 1; more < AT_ONCE && index + 1 < count && isDue(); more++) {
      index += 1;
      sendOne(first + index);
    }
  }

  /** @param {number} number */
  function sendOne(number) {
    const message = Buffer.alloc(Math.max(bytes, HEADER_BYTES));
    message.writeUInt32BE(number, 0);
    message.writeBigUInt64BE(process.hrtime.bigint(), 4);
    socket?.send(message, port, to);
  }
  // The socket closes with the process, which may come at once: the last one must have left.
  await new Promise((resolve) => setImmediate(resolve));
}

process.on("message", (/** @type {import("./datagrams.ts").Order} */ order) => {
  obey(order).then(
    (value) => process.send?.({ value }),
    (error) => process.send?.({ error: String(error) }),
  );
});
process.on("disconnect", () => process.exit());
