/** What is said of provisioning: the file beside the settings, and the lines on the console. Pure. */
import type { ProvisionPlan } from './provision_plan.ts';

export const reportNames = { good: 'OK.txt', bad: 'ERROR.txt' } as const;

/** The name of the file that tells, and its text, in lines as Windows ends them. */
export function reportFile(plan: ProvisionPlan, version: string): { name: string; text: string } {
  const lines =
    plan.faults.length > 0
      ? [
          'The settings on this partition have faults. None of them is in force; the box goes on with those it had.',
          '',
          ...plan.faults,
        ]
      : ['The settings on this partition are in use.'];
  const facts = [`flowspan ${version}`, `host name: ${plan.hostName} (on the local network: ${plan.hostName}.local)`];
  const text = [...lines, '', ...facts, ...plan.remarks, ''].join('\r\n');
  return { name: plan.faults.length > 0 ? reportNames.bad : reportNames.good, text };
}

const states: Record<ProvisionPlan['state'], string> = {
  taken: 'settings were taken',
  unchanged: 'the settings offered are in force already',
  refused: 'the settings offered have faults, and none of them is in force',
  nothing: 'no settings are offered; those of the box are in force',
};

export function reportWords(plan: ProvisionPlan): string[] {
  return [`${plan.hostName}: ${states[plan.state]}`, ...plan.faults, ...plan.remarks.map((remark) => `  ${remark}`)];
}
