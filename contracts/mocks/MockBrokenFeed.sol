// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title MockBrokenFeed
/// @notice A feed that states its decimals and fails every other call, in a way that can be chosen.
contract MockBrokenFeed {
    error Broken(bytes payload);

    enum Failure {
        Reverts,
        RevertsWithMegabyte,
        ReturnsTooLittle,
        ReturnsMegabyte
    }

    uint8 public immutable decimals;
    Failure public failure;

    constructor(uint8 decimals_, Failure failure_) {
        decimals = decimals_;
        failure = failure_;
    }

    fallback(bytes calldata) external returns (bytes memory) {
        if (failure == Failure.Reverts) revert Broken("");
        if (failure == Failure.RevertsWithMegabyte) revert Broken(new bytes(1 << 20));
        return new bytes(failure == Failure.ReturnsTooLittle ? 31 : 1 << 20);
    }
}
