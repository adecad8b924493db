<?php
// php check_vectors.php FILE...
declare(strict_types=1);

require __DIR__ . '/webhook.php';

function verify(array $case): bool
{
    $headers = $case['headers'];
    $judged = [$case['body'], $case['now'], $case['tolerance_s']];
    $standard = [$headers['webhook-id'] ?? '', $headers['webhook-timestamp'] ?? '',
                 $headers['webhook-signature'] ?? '', ...$judged];
    return match ($case['dialect']) {
        'vendor' => Skyhook\Webhook\verify_vendor($case['secret'], $headers['X-Skylight-Signature'] ?? '', ...$judged),
        'standard' => Skyhook\Webhook\verify_standard($case['secret'], ...$standard),
        'ed25519' => Skyhook\Webhook\verify_ed25519($case['public_key'], ...$standard),
    };
}

$checked = 0;
$wrong = 0;
foreach (array_slice($argv, 1) as $file) {
    foreach (json_decode(file_get_contents($file), true)['verify'] as $case) {
        $checked++;
        if (verify($case) !== $case['valid']) {
            $wrong++;
            echo "wrong: {$case['dialect']}, {$case['name']}\n";
        }
    }
}
echo "$checked checked, $wrong wrong\n";
exit($wrong > 0 || $checked === 0 ? 1 : 0);
