<?php
// php check_vectors.php FILE
declare(strict_types=1);

require __DIR__ . '/webhook.php';

$cases = json_decode(file_get_contents($argv[1]), true)['verify'];
$wrong = 0;
foreach ($cases as $case) {
    $headers = $case['headers'];
    $answer = $case['dialect'] === 'vendor'
        ? Skyhook\Webhook\verify_vendor($case['secret'], $headers['X-Skylight-Signature'] ?? '',
                                        $case['body'], $case['now'], $case['tolerance_s'])
        : Skyhook\Webhook\verify_standard($case['secret'], $headers['webhook-id'] ?? '',
                                          $headers['webhook-timestamp'] ?? '',
                                          $headers['webhook-signature'] ?? '',
                                          $case['body'], $case['now'], $case['tolerance_s']);
    if ($answer !== $case['valid']) {
        $wrong++;
        echo "wrong: {$case['dialect']}, {$case['name']}\n";
    }
}
echo count($cases), " checked, $wrong wrong\n";
exit($wrong > 0 || $cases === [] ? 1 : 0);
