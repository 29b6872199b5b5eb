/** One command to a Redis of a test, as if typed by hand. */
import { once } from "node:events";
import { connect } from "node:net";

/** @returns the first line of the answer. @throws if it is an error. */
export async function redisSays(port: number, command: string): Promise<string> {
  const socket = connect(port, "127.0.0.1");
  socket.end(`${command}\r\n`);
  const [bytes] = (await once(socket, "data")) as [Buffer];
  socket.destroy();
  const [line = ""] = bytes.toString().split("\r\n");
  if (line.startsWith("-")) throw new Error(`redis: ${command}: ${line}`);
  return line;
}
