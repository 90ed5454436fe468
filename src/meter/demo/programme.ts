/**
 * The half hour: who does what, when. A steady ground of meetings and films, people's arrivals at random, and peaks every few minutes
 * for the backup and the updates. Times are of the whole programme; a shorter capture is its beginning.
 */
import { meeting, telephoneCall } from './conversations/calls.ts';
import { backup, mail, printing, share } from './conversations/files.ts';
import {
  addressAsking,
  clockAsking,
  discovery,
  leaseRenewal,
  pinging,
  portScan,
  reporting,
  spanningTree,
} from './conversations/housekeeping.ts';
import { multicastAsking } from './conversations/names.ts';
import { download, film, visit } from './conversations/web.ts';
import { type Endpoint, sites } from './office.ts';
import type { Scene } from './scene.ts';
import type { Conversation } from './timeline.ts';

/** People start nothing new this long before the end. */
const lastArrivalS = 2.5;
const meetingLengthS = 60;
const filmLengthS = 240;

export function begin(scene: Scene): void {
  const { desks, guests, phones } = scene.office;
  const people = [...desks, ...guests];
  // Under way from the first second: pages, a meeting, a film, a share.
  for (const person of people) if (scene.chance(0.6)) scene.start(visit(scene, person), scene.between(0, 0.9));
  scene.start(arrivals(scene, 4, () => visit(scene, scene.pickPopular(people))));
  scene.start(
    arrivals(scene, 25, () => mail(scene, scene.pick(desks))),
    0.2,
  );
  scene.start(
    arrivals(scene, 20, () => share(scene, scene.pick(desks))),
    0.1,
  );
  scene.start(
    arrivals(scene, 95, () => printing(scene, scene.pick(desks))),
    3,
  );
  scene.start(
    arrivals(scene, 75, () => multicastAsking(scene, scene.pick(people))),
    0.5,
  );
  scene.start(
    arrivals(scene, 90, () => leaseRenewal(scene, scene.pick(people))),
    1,
  );
  scene.start(
    arrivals(scene, 260, () => telephoneCall(scene, scene.pick(phones), scene.between(20, 70))),
    0.3,
  );
  scene.start(ground(scene), 0.05);
  scene.start(backups(scene), 24);
  scene.start(updates(scene), 7);
  scene.start(portScan(scene, guests[3]!), 610);
  beginMachines(scene);
}

function beginMachines(scene: Scene): void {
  const { desks, guests, phones, printers, sensors, nas, router } = scene.office;
  scene.start(spanningTree(scene), 0.4);
  scene.start(discovery(scene), 1.1);
  for (const host of [...desks, ...guests, ...phones, ...printers, ...sensors, nas])
    scene.start(addressAsking(scene, host), scene.between(0, 60));
  for (const host of [nas, router, ...phones, ...printers]) scene.start(clockAsking(scene, host), scene.between(0, 64));
  for (const sensor of sensors) scene.start(reporting(scene, sensor), scene.between(0, 1));
  for (const host of [nas, ...printers, ...phones, sites[0]!]) {
    scene.start(pinging(scene, host, false), scene.between(0, 10));
    scene.start(pinging(scene, host, true), scene.between(0, 10));
  }
}

/** Starts a conversation at once and then at random, `meanS` apart. */
function* arrivals(scene: Scene, meanS: number, conversation: () => Conversation): Conversation {
  while (scene.leftS > lastArrivalS) {
    scene.start(conversation());
    yield scene.arrival(meanS);
  }
}

/** Always somebody in a meeting or at a film, the next beginning a little before the last ends: the chart's floor. */
function* ground(scene: Scene): Conversation {
  const watchers: readonly Endpoint[] = [...scene.office.guests, ...scene.office.desks.slice(0, 2)];
  const overlapS = 2;
  while (scene.leftS > lastArrivalS) {
    scene.start(meeting(scene, scene.pick(scene.office.desks), meetingLengthS + overlapS));
    yield meetingLengthS;
    if (scene.leftS <= lastArrivalS) return;
    scene.start(film(scene, scene.pick(watchers), filmLengthS + overlapS));
    yield filmLengthS;
  }
}

function* backups(scene: Scene): Conversation {
  while (scene.leftS > 20) {
    scene.start(backup(scene, scene.pick(scene.office.desks), 3 + scene.random.below(4)));
    yield scene.between(200, 280);
  }
}

function* updates(scene: Scene): Conversation {
  while (scene.leftS > 10) {
    scene.start(download(scene, scene.pick(scene.office.desks), Math.round(scene.between(2, 8) * 1e6)));
    yield scene.between(90, 190);
  }
}
