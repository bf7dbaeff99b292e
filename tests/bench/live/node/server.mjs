// graphql-ws over ws, as their documentation sets them up; events come from a Redis channel.
import { EventEmitter, on } from 'node:events';
import { createServer } from 'node:http';
import { buildSchema } from 'graphql';
import { useServer } from 'graphql-ws/use/ws';
import Redis from 'ioredis';
import { WebSocketServer } from 'ws';

const [port, redisPath, channel] = process.argv.slice(2);
const happenings = new EventEmitter().setMaxListeners(0);
const redis = new Redis({ path: redisPath });
await redis.subscribe(channel);
redis.on('message', (_, text) => happenings.emit('event', JSON.parse(text)));

const schema = buildSchema(`
  type Training { status: String! }
  type TrainingEvent { cursor: String! progress: Float message: String training: Training! }
  type Query { ready: Boolean }
  type Subscription { trainingUpdated(trainingId: ID!, after: String): TrainingEvent! }
`);

async function* trainingUpdated() {
  const training = { status: 'RUNNING' };
  yield { trainingUpdated: { cursor: '0', training } };
  for await (const [event] of on(happenings, 'event')) yield { trainingUpdated: { ...event, training } };
}

const http = createServer((_, response) => response.end('ready'));
const sockets = new WebSocketServer({ server: http, path: '/graphql', perMessageDeflate: false });
useServer({ schema, roots: { subscription: { trainingUpdated } } }, sockets);
http.listen(Number(port), '127.0.0.1', 4096);
