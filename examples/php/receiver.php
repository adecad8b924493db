<?php
// SECRET=whsec_… php -S 127.0.0.1:3000 receiver.php   (DIALECT=vendor checks X-Skylight-Signature instead)
declare(strict_types=1);

require __DIR__ . '/webhook.php';

$secret = getenv('SECRET');
$body = file_get_contents('php://input'); // raw: parse only after it verified
$good = getenv('DIALECT') === 'vendor'
    ? Skyhook\Webhook\verify_vendor($secret, $_SERVER['HTTP_X_SKYLIGHT_SIGNATURE'] ?? '', $body)
    : Skyhook\Webhook\verify_standard(
        $secret,
        $_SERVER['HTTP_WEBHOOK_ID'] ?? '',
        $_SERVER['HTTP_WEBHOOK_TIMESTAMP'] ?? '',
        $_SERVER['HTTP_WEBHOOK_SIGNATURE'] ?? '',
        $body
    );
file_put_contents('php://stdout', ($good ? 'verified ' : 'refused ') . $body . "\n");
http_response_code($good ? 204 : 401);
