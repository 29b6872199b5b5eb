/** Serves the client's page on this machine's loopback, and says where. */

import { ClientPageServer } from "../../support/client-page.ts";

const server = await ClientPageServer.open();
process.stdout.write(`${server.origin}\n`);
