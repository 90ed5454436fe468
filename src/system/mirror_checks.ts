/**
 * What `doctor` says of the mirror: the findings of the running service, which alone sees enough traffic to judge. Where it
 * could not be asked, or has not seen enough yet, the check says so instead of passing. Pure.
 */
import type { MirrorFinding } from '../flow/mirror_findings.ts';
import type { DoctorCheck, DoctorFacts } from './doctor_checks.ts';

/** Less is no basis for saying that nothing is wrong. */
const windowLeastS = 60;
const conversationsLeast = 20;

export function mirrorChecks({ source, running, mirror }: Pick<DoctorFacts, 'source' | 'running' | 'mirror'>): DoctorCheck[] {
  if (source === 'none') return [];
  const check = 'mirror';
  if (mirror === null) {
    const found = running
      ? 'not looked at: the running service does not tell what it has seen'
      : 'not looked at: the service is not running, and only its traffic shows what a mirror hides';
    return [{ check, verdict: 'warn', found, todo: 'start the service, and ask again after five minutes' }];
  }
  if (mirror.findings.length > 0) return mirror.findings.map(checkOf);
  const { windowS, packets, tcpConversations } = mirror;
  const seen = `${packets} packets and ${tcpConversations} TCP conversations in the last ${windowS} s`;
  if (windowS < windowLeastS || tcpConversations < conversationsLeast) {
    return [{ check, verdict: 'warn', found: `too little to judge yet: ${seen}`, todo: 'ask again while the line is in use' }];
  }
  return [{ check, verdict: 'ok', found: `nothing wrong in ${seen}`, todo: '' }];
}

function checkOf({ code, level, title, evidence, sinceMs, todo }: MirrorFinding): DoctorCheck {
  return {
    check: `mirror ${code}`,
    verdict: level === 'error' ? 'fail' : 'warn',
    found: `${title}: ${evidence} (since ${new Date(sinceMs).toISOString()})`,
    todo,
  };
}
