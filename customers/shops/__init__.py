"""Shopify's and WooCommerce's webhooks, taken in.

    shop_hooks (the door) → shopify | woocommerce (read: what is told, in our words) → taking (kept, in one transaction)

A shop tells of one order many times, by several topics and in any order. Each line is one event whatever comes how
often: its message id is made of the shop's numbers, and what was told before adds nothing.
"""
